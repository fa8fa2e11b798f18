// @ts-check
// What this browser remembers of a person: the name, and which devices were chosen.

const key = "devices";

/** @typedef {"mic"|"cam"|"speaker"} Device */

/** @type {{mic?: string, cam?: string, speaker?: string}} ids of devices */
const chosen = read();

function read() {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") ?? {};
  } catch {
    return {}; // written by something else
  }
}

/** The id of the chosen device; "" for the browser's choice. @param {Device} device */
export const choice = (device) => (typeof chosen[device] === "string" ? chosen[device] : "");

/** Remembers a device. @param {Device} device @param {string} id */
export function choose(device, id) {
  chosen[device] = id;
  localStorage.setItem(key, JSON.stringify(chosen));
}

/**
 * Constraints for the chosen device. A wish ("ideal") would lose to those for the size of
 * the picture.
 * @param {"mic"|"cam"} device @returns {MediaTrackConstraints}
 */
export function preferred(device) {
  const id = choice(device);
  return id ? { deviceId: { exact: id } } : {};
}

export const name = {
  get: () => localStorage.getItem("name") ?? "",
  set: (text) => localStorage.setItem("name", text),
};
