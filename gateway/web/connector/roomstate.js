// What a room looks like after a frame: a pure function, since full lists,
// changes and answers may come in any order and only the revision says which is newer.

/** @import { RoomChange, RoomData, RoomState } from "./types.js" */
/** @typedef {RoomState["members"]} Members */

/** The state of a room of which nothing is known yet. @param {string} id @returns {RoomState} */
export function unknownRoom(id) {
  return { id, name: "", creator: "", capacity: 0, locked: false, password: false, metadata: undefined, revision: 0, members: new Map(), complete: false };
}

/**
 * Applies the data of a room frame.
 *
 * @param {RoomState} before it is not changed
 * @param {RoomData} data `data` of a frame about this room
 * @param {boolean} [whole] it has all that is known of the members, as Room_Info does
 * @returns {RoomChange & {state: RoomState, stale: boolean}}
 *   stale: older than what is known, so nothing changed. state.complete is false when
 *   the full list has to be asked for with Room_Info.
 */
export function applyRoom(before, data, whole = false) {
  const revision = data.revision ?? before.revision;
  // An equal revision is news when the list was not complete, and about updated members: Member_Updated
  // follows a frame of the same revision when members came or went at the same time.
  const known = revision === before.revision && before.complete && before.revision > 0 && !data.updated;
  if (revision < before.revision || known) {
    return { state: before, joined: [], left: [], updated: [], stale: true };
  }
  /** @type {RoomState} */
  const state = {
    ...before,
    revision,
    name: data.name ?? before.name,
    creator: data.creator ?? before.creator,
    capacity: data.capacity ?? 0,
    locked: data.locked ?? false,
    password: data.password ?? false,
    metadata: data.metadata,
  };
  if (data.clients) {
    state.members = full(whole ? new Map() : before.members, data, data.clients);
    state.complete = true;
  } else {
    state.members = changed(before.members, data);
    state.complete = before.complete && (data.count === undefined || data.count === state.members.size);
  }
  const joined = [...state.members.keys()].filter((id) => !before.members.has(id));
  const left = [...before.members.keys()].filter((id) => !state.members.has(id)).map((id) => ({ id, reason: reasonOf(data, id) }));
  const updated = (data.updated ?? []).filter((id) => before.members.has(id) && state.members.has(id));
  return { state, joined, left, updated, stale: false };
}

/** @param {Members} known @param {RoomData} data @param {string[]} all @returns {Members} */
function full(known, data, all) {
  const members = new Map();
  for (const id of all) members.set(id, memberOf(known, data, id));
  return members;
}

/** @param {Members} known @param {RoomData} data @returns {Members} */
function changed(known, data) {
  const members = new Map(known);
  for (const id of data.removed ?? []) members.delete(id);
  for (const id of data.added ?? []) members.set(id, memberOf(known, data, id));
  for (const id of data.updated ?? []) if (members.has(id)) members.set(id, memberOf(known, data, id));
  return members;
}

/** @param {Members} known @param {RoomData} data @param {string} id */
function memberOf(known, data, id) {
  const info = data.members?.[id];
  const old = known.get(id);
  const user = info?.user ?? old?.user;
  // One in added that is known has left and come back, without the role and the metadata that it had.
  if (data.updated?.includes(id) || data.added?.includes(id)) return { id, user, metadata: info?.metadata, moderator: info?.moderator };
  return { id, user, metadata: info?.metadata ?? old?.metadata, moderator: info?.moderator ?? old?.moderator };
}

/** @param {RoomData} data @param {string} id */
function reasonOf(data, id) {
  return data.reasons?.[id] ?? (data.client === id || data.removed?.includes(id) ? data.reason : undefined);
}
