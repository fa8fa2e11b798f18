// Types of node-datachannel.js.

/** RTCPeerConnection for Node, made of the package node-datachannel: data channels, and no tracks. */
export const RTCPeerConnection: new (config?: RTCConfiguration) => globalThis.RTCPeerConnection;
