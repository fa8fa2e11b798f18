import { useCallback, useEffect, useState } from "react";
import { connect, type Connector, type ConnectionState, type Json, type Member, type Room } from "peer2peer-connector";

export interface Line<T> {
  from: string;
  data: T;
}

const most = 200; // lines that are kept

/**
 * Is in a room for as long as the component is mounted, and renders the component again when
 * something about the room changes. Give metadata that keeps its identity.
 */
export function useRoom<T extends Json>(url: string, id: string, metadata?: Json) {
  const [state, setState] = useState<ConnectionState>("connecting");
  const [room, setRoom] = useState<Room>();
  const [members, setMembers] = useState<Member[]>([]);
  const [lines, setLines] = useState<Line<T>[]>([]);
  const [error, setError] = useState<Error>();

  useEffect(() => {
    const unmounted = new AbortController();
    const fail = (err: Error) => unmounted.signal.aborted || setError(err);

    async function join(p2p: Connector) {
      const joined = await p2p.joinRoom(id, { create: true, ...(metadata !== undefined && { metadata }) });
      joined.on("change", () => setMembers(joined.members));
      joined.on("message", ({ from, data }) => setLines((lines) => [...lines.slice(1 - most), { from, data }]));
      setRoom(joined);
      setMembers(joined.members);
    }

    async function begin() {
      const p2p = await connect(url, { signal: unmounted.signal });
      setState(p2p.state);
      p2p.on("state", ({ state }) => setState(state));
      p2p.on("reset", () => void join(p2p).catch(fail)); // the session is lost, and the room with it
      p2p.on("closed", fail);
      await join(p2p);
    }

    begin().catch(fail);
    return () => unmounted.abort();
  }, [url, id, metadata]);

  const send = useCallback((data: T) => {
    if (!room) return;
    room.send(data);
    setLines((lines) => [...lines.slice(1 - most), { from: "me", data }]);
  }, [room]);
  return { state, room, members, lines, error, send };
}
