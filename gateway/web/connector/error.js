// ConnectorError is every error of this module: what the server answered, with
// its code, or one of the module's own (Timeout, Closed, Buffer_Full, Too_Big,
// Invalid_Address).
/** @import { ConnectorError as Declared } from "../connector.js" */

/** @implements {Declared} */
export class ConnectorError extends Error {
  /**
   * The id of the frame that failed, as send() returned it; undefined for an error of this module's.
   * @type {string|undefined}
   */
  id = undefined;

  /**
   * @param {import("../connector.js").ErrorCode} code
   * @param {string} message says what to do
   * @param {import("../connector.js").ConnectorError["data"]} [data] the server's whole answer: event, to, room, field, retry_after_ms
   */
  constructor(code, message, data = {}) {
    super(message);
    this.name = "ConnectorError";
    this.code = code;
    this.data = data;
  }

  /** The error that an error frame stands for. @param {import("../connector.js").Frame} frame */
  static from(frame) {
    const data = frame.data ?? {};
    const err = new ConnectorError(/** @type {import("../connector.js").ErrorCode} */ (frame.event), data.message ?? frame.event, data);
    err.id = /** @type {string|undefined} */ (frame.id); // ours are texts
    return err;
  }
}
