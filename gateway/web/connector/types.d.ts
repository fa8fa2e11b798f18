// Types that the files of this folder share. Only the type checker reads this file;
// what applications use is in connector.d.ts.

import type {
  BackoffOptions, ConnectionState, Connector, ConnectorError, ConnectOptions, Frame, Limits, Member, PeerOptions, Received,
} from "../connector.js";

// --- the link ---

/** The data of Client_Details. */
export interface Details {
  id: string;
  session?: string;
  limits?: Limits;
  ice_servers?: RTCIceServer[];
  resumed?: boolean;
  /** No frame was lost with the connection that broke. */
  recovered?: boolean;
  rooms?: string[];
  /** Whose frames the server passes on; missing: those of anyone. */
  accept_from?: string;
  /** Of the protocol, that the server speaks. */
  versions?: number[];
}

/** How a connection became ready. */
export interface Ready {
  details: Details;
  resumed: boolean;
  /** The session was lost. */
  reset: boolean;
  /** Why, if the server said so. */
  refusal?: ConnectorError;
}

export interface LinkEvents {
  state: { state: ConnectionState; url: string; attempt?: number; wait?: number; error?: ConnectorError };
  ready: Ready;
  frame: Frame;
  raw: Frame;
  sent: string;
  draining: { ms: number };
  dropped: { count: number };
  leaving: undefined;
  closed: ConnectorError;
}

// --- what linkstate.js is told, and decides ---

export interface LinkOptions {
  urls: string[];
  session?: string;
  received?: number;
  /** A refused token may be followed by a fresh one. */
  freshTokens: boolean;
  connectTimeout?: number;
  backoff?: BackoffOptions;
}

export type LinkTimer = "retry" | "late" | "probe" | "limit";

export type LinkInput =
  | { kind: "begin" | "online" | "visible" | "leave" | "back" | "dialed" | "opened" | "failed" | "close" }
  /** A timer is over. */
  | { kind: LinkTimer }
  | { kind: "noToken" | "undialable"; error: ConnectorError }
  | { kind: "received"; frame?: Frame }
  | { kind: "closed"; code: number };

export type LinkEffect =
  /** Get a token, make a socket, and say noToken, undialable or dialed. */
  | { do: "dial" }
  /** Forget the socket, or the attempt to make one. */
  | { do: "drop"; code: number }
  | { do: "write"; frame: object }
  /** In place of the timer of that name. */
  | { do: "timer"; timer: LinkTimer; ms: number }
  | { do: "cancel"; timer: LinkTimer }
  | { do: "emit"; name: keyof LinkEvents; value: any }
  | { do: "ready"; ready: Ready }
  | { do: "end" };

/** Text that is to be sent. claim is asked just before; false: nobody wants it any more. */
export interface Outgoing { text: string; claim?: () => boolean; }

/** What a frame that goes out is made of. */
export interface Draft { event: string; to?: string; room?: string; data?: any; }

// --- signals ---

/** The data of an Offer, Answer or Candidate; see peer.js. Another client may send anything. */
export interface SignalData {
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
  bye?: boolean;
  /** The generation of the sender's RTCPeerConnection. */
  call?: number | string;
  /** The generation of the receiver's that it has taken a description of. */
  with?: number | string;
  /** The number of an offer, and of the offer that is answered. */
  n?: number;
  re?: number;
}

export interface Signal { event: string; data: SignalData; }

export interface SignalingOptions {
  /** This generation. */
  own: number;
  /** Whether our offer gives way. */
  polite: boolean;
  /** Draws the numbers of offers. */
  next(): number;
  random?(): number;
}

/** Whether there is a connection to the server, and whether the other side shares a room with us. */
export interface Around { open: boolean; shares: boolean; }

/** What Signaling.step takes. */
export type Input =
  | { kind: "begin" | "needed" | "seen" | "resumed" | "close" }
  /** offer: what is set now is an offer of ours. */
  | { kind: "made" | "taken" | "applied"; offer: boolean }
  | { kind: "failed"; error: unknown; offering: boolean }
  | ({ kind: "signal" } & Signal)
  | ({ kind: "refused"; code: string; retryAfter?: number } & Around)
  | ({ kind: "tick" | "restart" } & Around)
  | { kind: "path"; to: "up" | "broken" | "failed" }
  | { kind: "end"; reason: CloseReason };

/** What Signaling.step returns, to be carried out in order. */
export type Effect =
  | { do: "offer" | "restart" | "cancel" }
  | { do: "take"; description: RTCSessionDescriptionInit; rollback: boolean }
  | { do: "apply"; description: RTCSessionDescriptionInit }
  | { do: "candidate"; candidate: RTCIceCandidateInit }
  /** The caller adds its description to the data of an Offer or an Answer. */
  | { do: "send"; event: string; data: SignalData }
  /** In place of the timer before. */
  | { do: "timer"; ms: number }
  | { do: "state"; state: PeerState }
  | { do: "error"; error: unknown }
  | ({ do: "renew" } & Renewal)
  | { do: "finish"; reason: CloseReason };

/** The next generation: least is the lowest number it may have, signals are for it. */
export interface Renewal { least: number; signals: Signal[]; }

export type PeerState = import("../connector.js").PeerState;
export type CloseReason = import("../connector.js").PeerEvents["close"]["reason"];

// --- what peers and rooms need of the connector ---

export interface PeerHub {
  readonly id: string;
  readonly iceServers: RTCIceServer[];
  readonly isOpen: boolean;
  readonly RTCPeerConnection: new (config?: RTCConfiguration) => RTCPeerConnection;
  freshIce(): Promise<void>;
  shares(id: string): boolean;
  send(frame: Draft): string;
  renew(peer: any, how: Renewal): void;
  forget(peer: any): void;
}

export interface CallsHub {
  readonly id: string;
  readonly iceServers: RTCIceServer[];
  readonly isOpen: boolean;
  freshIce(): Promise<void>;
  shares(id: string): boolean;
  send(frame: Draft): string;
  made(peer: any): void;
}

/** A call of joinRoom. waits: this peer waits to be admitted. */
export interface Join { room: string; waits: boolean; resolve(): void; reject(err: Error): void; }

export interface RoomHub {
  readonly id: string;
  send(frame: Draft): string;
  request(event: string, data?: any): Promise<any>;
}

// --- rooms ---

/** The data of a frame about a room. */
export interface RoomData {
  room: string;
  revision?: number;
  name?: string;
  creator?: string;
  capacity?: number;
  locked?: boolean;
  password?: boolean;
  metadata?: any;
  /** Everybody, in a full list. */
  clients?: string[];
  added?: string[];
  removed?: string[];
  /** Whose metadata or role changed. */
  updated?: string[];
  /** How many there are after a change. */
  count?: number;
  members?: { [id: string]: { user?: string; metadata?: any; moderator?: boolean } };
  /** Who waits to be admitted. */
  waiting?: { client: string; user?: string; metadata?: any }[];
  client?: string;
  reason?: string;
  reasons?: { [id: string]: string };
}

export interface RoomState {
  id: string;
  name: string;
  creator: string;
  capacity: number;
  locked: boolean;
  password: boolean;
  metadata: any;
  revision: number;
  members: Map<string, Member>;
  /** false: the full list has to be asked for with Room_Info. */
  complete: boolean;
}

export interface RoomChange { joined: string[]; left: { id: string; reason?: any }[]; updated: string[]; }
