// Which versions of the protocol fit.

/** The version that this module speaks. */
export const version = 1;

let warned = false;

/**
 * Warns, once for all connections of this page, when the server does not speak our version.
 * A server that announces no versions speaks the first.
 * @param {number[]} versions of the server @param {string} url
 */
export function checkVersions(versions = [1], url) {
  if (warned || versions.includes(version)) return;
  warned = true;
  console.warn(
    `connector.js speaks version ${version} of the protocol, the server at ${url} speaks version ${versions.join(", ")}. ` +
      "Upgrade the older of the two; the server has the connector.js that fits at /connector.js.",
  );
}
