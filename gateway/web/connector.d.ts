// Types of connector.js.

/**
 * A JSON value: what may stand in `data`. Members of objects are not looked at,
 * since TypeScript lets an interface stand only where they may be anything.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: any };

export type ConnectionState = "connecting" | "open" | "reconnecting" | "closed";
export type PeerState = "connecting" | "connected" | "reconnecting" | "failed" | "closed";

/** Codes that the server answers, and this module's own. */
export type ErrorCode =
  | "Missing_Fields" | "Not_Found" | "Not_Delivered" | "Duplicate_Room" | "Already_Exists"
  | "Unauthorised" | "Room_Full" | "Room_Locked" | "Refused" | "Banned" | "Wrong_Password" | "Limit_Exceeded" | "Unsupported_Event"
  | "Invalid_Message" | "Rate_Limited" | "Unavailable"
  | "Timeout" | "Closed" | "Buffer_Full" | "Too_Big" | "Invalid_Address";

/** Every error of this module: what the server answered, or one of the module's own. */
export class ConnectorError extends Error {
  /** What went wrong; `message` says what to do. */
  readonly code: ErrorCode;
  /** What the server said besides; close_code is what the connection was closed with: 4001 for the token, 4003 for the page's origin. */
  readonly data: {
    event?: string; to?: string; room?: string; field?: string; clients?: string[];
    events?: string[]; retry_after_ms?: number;
    close_code?: number;
  };
  /** Of an `error` event: the id that send() returned. */
  readonly id: string | undefined;
}

/** How to connect. */
export interface ConnectOptions {
  /**
   * A token, or where to get one; a function is asked before every connection. When the server
   * refuses three of its tokens one after the other, the connector closes with the reason.
   */
  token?: string | (() => string | Promise<string>);
  /** A resume token from Connector.session: be that peer again if it is not too late. */
  session?: string;
  /**
   * Connector.received, read at the same time as session: the frames that came after these come again. Default 0: all
   * that the server still has of the last connection come again.
   */
  received?: number;
  /**
   * Leave when the page is closed or reloaded. Default true. With false the others see this peer for the
   * server's grace period, in which a page that was given Connector.session and received can be this peer again.
   */
  leaveOnUnload?: boolean;
  /** Whose calls to answer. Default: those who share a room with this peer. */
  accept?: boolean | ((peerId: string) => boolean);
  /**
   * Whose messages and calls the server passes on: those of anyone who knows this peer's id, of the members of its
   * rooms, or of nobody. Messages to its rooms always arrive. Default: what the session has, or the server's default.
   */
  acceptFrom?: "anyone" | "rooms" | "nobody";
  /**
   * The room that this peer is about to join, or another text that those who talk to each other share: a proxy
   * may bring them to one gateway by it. It joins no room. It is in the address of every connection, which proxies
   * may log. Default: none at first, then the first of the rooms that this peer is in; "" for none ever.
   */
  room?: string;
  /** For every peer connection. */
  peer?: PeerOptions;
  /** Ask for changes instead of full lists in rooms above 100 members. Default true. */
  delta?: boolean;
  /** Milliseconds until a request that has no answer rejects with Timeout. Default 30000. */
  requestTimeout?: number;
  /**
   * Milliseconds until a server must have greeted for the first time; then the connector closes with
   * the last server's reason, or Timeout. Default 30000; 0 for no limit.
   */
  connectTimeout?: number;
  /** Waiting before an attempt, in milliseconds. Default base 250, cap 10000, full jitter. */
  backoff?: BackoffOptions;
  /** Closes the connector when aborted. */
  signal?: AbortSignal;
  /** The class to connect with in place of the global WebSocket. Node before 22 has none: pass that of ws or undici. */
  WebSocket?: new (url: string) => Socket;
  /** The class for peer connections in place of the global RTCPeerConnection. Node has none. */
  RTCPeerConnection?: new (config?: RTCConfiguration) => RTCPeerConnection;
}

/** What is used of a WebSocket. */
export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** For a peer connection. */
export interface PeerOptions {
  /** Open the default data channel `peer.data`. Both sides must agree. Default true. */
  data?: boolean;
  /** Merged into the RTCConfiguration. */
  rtc?: RTCConfiguration;
}

/** What the server enforces. */
export interface Limits {
  max_message_bytes?: number;
  /** 0: no limit. Frames wait in the connector rather than exceed it. */
  messages_per_second?: number;
  max_rooms?: number;
  max_room_members?: number;
  /** Frames at once; missing: no limit. */
  message_burst?: number;
  max_depth?: number;
  max_id_bytes?: number;
  max_room_id_bytes?: number;
  max_room_name_bytes?: number;
  max_metadata_bytes?: number;
  max_member_metadata_bytes?: number;
  /** Frames that may wait for the answers of room requests. */
  room_queue_frames?: number;
  /** Frames, and their bytes, that wait for this client while it is away. */
  replay_frames?: number;
  replay_bytes?: number;
  /** Of frames sent; 4 seconds' worth at once; missing: no limit. */
  bytes_per_second?: number;
  /** Sent to rooms for this client, to all receivers together; 4 seconds' worth at once; missing: no limit. */
  egress_bytes_per_second?: number;
  /** Sent to one room for all clients of a gateway; 4 seconds' worth at once; missing: no limit. */
  room_egress_bytes_per_second?: number;
}

/** A frame as it stands on the wire. */
export interface Frame {
  event: string; type?: "info" | "update" | "error"; data?: any; id?: string | number;
  from?: string; room?: string; timestamp?: string; message_id?: string;
}

/** A message. */
export interface Received<T = any> { from: string; data: T; frame: Frame; }

/** What Connector, Room and Peer extend. */
export class Emitter<Events> {
  /** Calls fn with the event's value each time; returns a function that ends that. */
  on<K extends keyof Events>(name: K, fn: (value: Events[K]) => void): () => void;
  /** A promise of the event's next value. */
  once<K extends keyof Events>(name: K): Promise<Events[K]>;
  /** Calls the listeners of the event. */
  emit<K extends keyof Events>(name: K, value: Events[K]): void;
}

/** What a Connector emits. */
export interface ConnectorEvents {
  /** error: why the last attempt failed, when the server said so. */
  state: { state: ConnectionState; url: string; attempt?: number; wait?: number; error?: ConnectorError };
  /** From a peer, not in a room. */
  message: Received;
  /** A peer connection was made, by connectPeer or by the other side: add tracks now. */
  peer: Peer;
  /** This peer waits to be admitted to a room: the promise of joinRoom says how that ends. */
  waiting: { room: string };
  /** This peer is in a room now. After options.session its member list may follow: wait for change. */
  room: Room;
  /** The connection is back as the same peer. recovered false: frames may have been lost, member lists are asked for again. */
  resumed: { recovered: boolean };
  /** The session could not be resumed: new id, no rooms, peer connections closed. Join again. */
  reset: { oldId: string; id: string; rooms: string[]; error?: ConnectorError };
  /** The server goes away in `ms` milliseconds; the connector comes back by itself. */
  draining: { ms: number };
  /** An error frame that answers no request, for instance about a message. */
  error: ConnectorError;
  /** A Connect of a peer that does without this module. */
  connect: { from: string; sdp: any; candidate: any };
  /** Messages that waited for a connection and were let go with the lost session. */
  dropped: { count: number };
  /** It is over, and why. */
  closed: ConnectorError;
  /** Every frame received. */
  frame: Frame;
  /** Every text sent. */
  sent: string;
}

/** This page as a peer. It survives its connections. */
export class Connector extends Emitter<ConnectorEvents> {
  /** Connects as connect() does, and returns at once: wait for ready. Throws Invalid_Address for an address that is none. */
  constructor(urls: string | string[], options?: ConnectOptions);
  /** Resolves when a server has greeted for the first time; rejects as connect() does. */
  readonly ready: Promise<void>;
  /** This peer's id; it changes only after `reset`. */
  readonly id: string;
  /** What the connection is doing. */
  readonly state: ConnectionState;
  /** Whether frames go at once; else they wait, within bounds. */
  readonly isOpen: boolean;
  /** The gateway in use. */
  readonly url: string;
  /** The resume token: pass it as options.session to be this peer again. */
  readonly session: string;
  /** How many frames came on the connection that session came on: pass it as options.received beside session. */
  readonly received: number;
  /** What the server enforces. */
  readonly limits: Limits;
  /** The server's ICE servers, as RTCPeerConnection takes them. */
  readonly iceServers: RTCIceServer[];
  /** The rooms that this peer is in, by id. */
  readonly rooms: ReadonlyMap<string, Room>;
  /** The peer connections, by the id of the other peer. */
  readonly peers: ReadonlyMap<string, Peer>;

  /** Sends any event and resolves with the answer's data. */
  request(event: string, data?: Json): Promise<any>;
  /** Makes a room and joins it. Without an id the server draws one. */
  createRoom(id?: string, settings?: RoomSettings): Promise<Room>;
  /** Joins a room. With ask it waits to be admitted, and rejects when it is refused or nobody admits it in time. */
  joinRoom(id: string, options?: JoinOptions): Promise<Room>;
  /** Sends through the server; returns the frame's id. Throws Buffer_Full, Too_Big or Closed. */
  send(to: string, data: Json): string;
  /** Opens a WebRTC connection, or returns the one that there is. Both sides may call at once. */
  connectPeer(id: string, options?: PeerOptions): Peer;
  /** Milliseconds to the gateway and back. */
  ping(): Promise<number>;
  /** Hands in a fresh token before the old one ends the connection. */
  authenticate(token: string): Promise<{ expires?: string }>;
  /** Asks for TURN credentials; the server gives new ones when an eighth of the life of the old ones is over. */
  refreshIceServers(): Promise<RTCIceServer[]>;
  /** Leaves at once; the others are told. */
  close(): void;
}

/** How to join a room. */
export interface JoinOptions {
  /** Make the room when it is not there. */
  create?: boolean;
  /** That of the room, if it has one. */
  password?: string;
  /** What the others see of this member. */
  metadata?: Json;
  /** When the room is locked, wait until its creator or a moderator admits this peer. */
  ask?: boolean;
  /** Gives up, or stops waiting, when aborted: joinRoom rejects, and this peer leaves if it has joined. */
  signal?: AbortSignal;
}

/** What the creator and moderators say of their room. password is what others need to join; null for none. */
export interface RoomSettings { name?: string; capacity?: number; locked?: boolean; password?: string | null; metadata?: Json; }

/** A member of a room. moderator is absent when it is none. */
export interface Member { id: string; user?: string; metadata?: any; moderator?: boolean; }

/** What a member may do in a room. */
export type Role = "creator" | "moderator" | "member";

/** Who may not join a room: a peer, and every other peer of its user if it has one. */
export interface Ban { client: string; user?: string; }

export type LeaveReason = "left" | "removed" | "banned" | "disconnected";

/** What a Room emits. */
export interface RoomEvents {
  /** Anything about the room has changed. */
  change: Room;
  /** Members came. */
  joined: { clients: Member[] };
  /** Members changed their metadata, or got another role. */
  updated: { clients: Member[] };
  /** Others than before wait to be admitted: all who wait, for the creator and moderators. */
  waiting: { clients: Member[] };
  /** Members went. */
  left: { clients: { id: string; reason?: LeaveReason }[] };
  /** A member has sent to the room. */
  message: Received;
  /** A message to the room was not delivered to all. */
  error: ConnectorError;
  /** This peer is no member any more. lost: the session was, see reset. */
  closed: { reason: LeaveReason | "ended" | "lost" };
}

/** A room that this peer is in. */
export class Room extends Emitter<RoomEvents> {
  /** The room's id. */
  readonly id: string;
  /** Its name, for people. */
  readonly name: string;
  /** The id of the member that may do everything in it. */
  readonly creator: string;
  /** Whether that is this peer. */
  readonly isCreator: boolean;
  /** Whether this peer is the creator or a moderator. */
  readonly isModerator: boolean;
  /** How many may be in it; 0: as many as the server allows. */
  readonly capacity: number;
  /** Whether others can only ask to be admitted. */
  readonly locked: boolean;
  /** Whether one needs a password to join. */
  readonly password: boolean;
  /** What its creator and moderators say of it. */
  readonly metadata: any;
  /** Grows with each change. */
  readonly revision: number;
  /** Whether this peer is no member any more. */
  readonly closed: boolean;
  /** In order of joining. */
  readonly members: Member[];
  /** Who waits to be admitted, oldest first, for the creator and moderators. */
  readonly waiting: Member[];
  /** Members besides this peer. */
  readonly others: Member[];
  /** Whether a peer is a member. */
  has(id: string): boolean;
  /** A member, by its id. */
  member(id: string): Member | undefined;
  /** To every other member; returns the frame's id. */
  send(data: Json): string;
  /** Leaves the room. */
  leave(): Promise<void>;
  /** Ends the room, for its creator. */
  end(): Promise<void>;
  /** Admits a peer that waits, for the creator and moderators. */
  admit(client: string): Promise<void>;
  /** Takes a member out, or refuses a peer that waits, for the creator and moderators. ban: it may not come back; client may then be one that has left. */
  remove(client: string, options?: { ban?: boolean }): Promise<void>;
  /** Lifts a ban, for the creator and moderators. */
  unban(client: string): Promise<void>;
  /** Asks the server who is banned. */
  bans(): Promise<Ban[]>;
  /** Makes a member moderator or ordinary member again, for the creator; with creator it hands the room over. */
  setRole(client: string, role: Role): Promise<void>;
  /** Changes the settings, for the creator and moderators. */
  update(settings: RoomSettings): Promise<void>;
  /** Changes what the others see of this peer; without metadata: nothing. */
  updateMember(metadata?: Json): Promise<void>;
  /** Asks for the whole member list. */
  refresh(): Promise<void>;
}

/** What a Peer emits. */
export interface PeerEvents {
  /** The state has changed. */
  state: PeerState;
  /** The other side sends a track. */
  track: RTCTrackEvent;
  /** A data channel that the other side made. */
  channel: RTCDataChannel;
  /** peer.data is open. */
  open: RTCDataChannel;
  /** From peer.data; binary comes as ArrayBuffer. */
  data: { from: string; data: string | ArrayBuffer };
  /** Through the server. */
  message: Received;
  /** A description did not fit; it is tried again. */
  error: Error;
  /** It is over. */
  close: { reason: "closed" | "gone" | "left" | "lost" | "renewed" };
}

/** An RTCPeerConnection with the signaling done. */
export class Peer extends Emitter<PeerEvents> {
  /** The id of the other peer. */
  readonly id: string;
  /** What the connection is doing. */
  readonly state: PeerState;
  /** The RTCPeerConnection. */
  readonly pc: RTCPeerConnection;
  /** The default data channel, or null when options.data is false. */
  readonly data: RTCDataChannel | null;
  /** Resolves when the connection stands; rejects when it is closed or given up. */
  readonly connected: Promise<Peer>;
  /** Through the server: works before there is a connection. */
  send(data: Json): string;
  /** Sends a track; both sides may add and remove tracks at any time. */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): RTCRtpSender;
  /** Looks for a new path; also after state "failed". */
  restart(): void;
  /** Ends the connection. */
  close(): void;
}

/**
 * Connects, and resolves once the server has greeted. Without urls: the gateway that served connector.js.
 * Rejects with a ConnectorError: the server's reason when it refuses the token (data.close_code 4001) or
 * the page's origin (4003), Invalid_Address, or, after connectTimeout, the last reason or Timeout.
 */
export function connect(urls?: string | string[], options?: ConnectOptions): Promise<Connector>;

// Pure parts, for those who write a client of their own.

/** base and cap in milliseconds; random in place of Math.random. */
export interface BackoffOptions { base?: number; cap?: number; random?: () => number; }
/** Milliseconds before an attempt (0 is the first): full jitter below a ceiling that doubles. */
export function backoff(attempt: number, options?: BackoffOptions): number;
/** What to do after a connection closed with a code: whether to try again, after which least milliseconds. */
export function afterClose(code: number): { again: boolean; freshToken?: boolean; least: number };
/** Chooses among several gateways. */
export class Rotation {
  constructor(urls: string[]);
  readonly current: string;
  next(): string;
}
/** Keeps a sender below a rate of frames a second; take returns 0, or the milliseconds to wait. */
export class Pacer {
  constructor(rate: number, now: number);
  take(now: number): number;
}
