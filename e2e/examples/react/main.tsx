// A chat of everyone who opens the page.

import { StrictMode, type FormEvent } from "react";
import { createRoot } from "react-dom/client";
import { useRoom } from "./useRoom.js";

function Chat() {
  const { state, members, lines, error, send } = useRoom<string>("/ws", "react");
  const say = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    event.currentTarget.reset();
    send(text);
  };
  if (error) return <p role="alert">{error.message}</p>;
  return (
    <main>
      <p id="state">{state}, {members.length} here</p>
      <ol>{lines.map(({ from, data }, i) => <li key={i}>{from.slice(0, 8)}: {data}</li>)}</ol>
      <form onSubmit={say}>
        <input name="text" aria-label="What you say" autoComplete="off" required />
        <button>Send</button>
      </form>
    </main>
  );
}

createRoot(document.querySelector("#root")!).render(<StrictMode><Chat /></StrictMode>);
