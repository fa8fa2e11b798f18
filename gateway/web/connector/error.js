// ConnectorError is every error of this module: what the server answered, with
// its code, or one of the module's own (Timeout, Closed, Buffer_Full, Too_Big,
// Invalid_Address).
export class ConnectorError extends Error {
  /** The id of the frame that failed, as send() returned it; undefined for an error of this module's. */
  id = undefined;

  /**
   * @param {string} code
   * @param {string} message says what to do
   * @param {object} [data] the server's whole answer: event, to, room, field, retry_after_ms
   */
  constructor(code, message, data = {}) {
    super(message);
    this.name = "ConnectorError";
    this.code = code;
    this.data = data;
  }

  /** The error that an error frame stands for. */
  static from(frame) {
    const data = frame.data ?? {};
    const err = new ConnectorError(frame.event, data.message ?? frame.event, data);
    err.id = frame.id;
    return err;
  }
}
