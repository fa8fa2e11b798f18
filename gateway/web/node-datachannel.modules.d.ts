// What node-datachannel.js uses of the package node-datachannel and of Node, so that its types
// are checked without either.

declare module "node-datachannel" {
  interface RtcConfig {
    iceServers: string[];
    iceTransportPolicy?: "all" | "relay";
    disableAutoNegotiation?: boolean;
  }
  export class PeerConnection {
    constructor(name: string, config: RtcConfig);
    setLocalDescription(type?: "unspec" | "offer" | "answer" | "pranswer" | "rollback"): void;
    remoteDescription(): { type: string; sdp: string } | null;
  }
}

declare module "node-datachannel/polyfill" {
  import type { PeerConnection } from "node-datachannel";
  interface Configuration extends RTCConfiguration { peerConnection?: PeerConnection }
  /** It has data channels alone, and its methods return less than the standard's. */
  export class RTCPeerConnection extends EventTarget {
    constructor(config?: Configuration);
    readonly signalingState: RTCSignalingState;
    addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>;
    createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel;
    restartIce(): Promise<void>;
    setLocalDescription(description: RTCSessionDescriptionInit): Promise<void>;
    setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  }
}

/** Node's: it calls f after the events of now. */
declare function setImmediate(f: () => void): void;
