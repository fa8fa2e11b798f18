// The console speaks the bare protocol, without connector.js, so that what it
// shows is what is on the wire.

import { tokenField } from "./token.js";
import { copyButton } from "./copy.js";

const maxShown = 200; // frames in the log
const notAccepted = "the server did not accept the connection, or does not answer: it may be going away, or have too many connections of your address";

// whyRefused is the reason of an error frame, with the way to what the page says about it.
function whyRefused(frame) {
  const reason = document.createElement("p");
  const code = document.createElement("a");
  code.href = "#error-" + String(frame.event).toLowerCase().replaceAll("_", "-");
  code.textContent = frame.event;
  reason.className = "why";
  reason.append(code, `: ${frame.data?.message ?? "no reason was given"}`);
  return reason;
}

export function startConsole($) {
  let socket = null;
  let me = "";
  let session = "";
  const token = tokenField($("token"));
  const drafts = new Map(); // what was typed, by event
  const chosen = () => $("event").selectedOptions[0].text;

  // fill puts the chosen event's frame into the field: what was typed for it, else its example.
  const fill = () => {
    $("problem").textContent = "";
    $("example").disabled = !drafts.has(chosen());
    if (drafts.has(chosen())) $("frame").value = drafts.get(chosen());
    else example();
  };

  const example = () => {
    const room = $("room").value || "tea";
    const text = $("event").value
      .replaceAll('"ME"', JSON.stringify(me || "<connect first>"))
      .replaceAll('"ROOM"', JSON.stringify(room))
      .replaceAll('"SESSION"', JSON.stringify(session || "<from Client_Details>"));
    $("frame").value = JSON.stringify(JSON.parse(text), null, 2);
  };

  const log = (kind, title, value) => {
    const item = document.createElement("li");
    item.className = kind;
    const head = document.createElement("div");
    head.className = "head";
    const way = document.createElement("span");
    way.className = "way";
    way.textContent = { out: "You sent", in: "Received", error: "Refused", note: "" }[kind];
    const what = document.createElement("span");
    what.textContent = title;
    const at = document.createElement("time");
    at.textContent = new Date().toLocaleTimeString("en-GB");
    head.append(...(way.textContent ? [way] : []), what, at);
    item.append(head);
    if (kind === "error" && value?.event) item.append(whyRefused(value));
    if (value !== undefined) {
      const pre = document.createElement("pre");
      pre.textContent = JSON.stringify(value, null, 2);
      item.append(pre);
    }
    $("log").prepend(item);
    while ($("log").childElementCount > maxShown) $("log").lastElementChild.remove();
  };

  const show = (state) => {
    const open = state === "open";
    $("console-state").textContent = { closed: "Not connected.", connecting: "Connecting…", open: "You are" }[state];
    $("connect").textContent = state === "closed" ? "Connect" : "Disconnect";
    $("connect").classList.toggle("quiet", state !== "closed");
    $("send").disabled = !open;
    $("me").textContent = open ? me : "";
    $("copy-me").hidden = !open;
  };

  const received = (text) => {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return log("error", "not JSON", text);
    }
    if (frame.event === "Client_Details" && frame.type === "info") {
      me = frame.data.id;
      session = frame.data.session ?? "";
      show("open");
      fill();
    }
    if (frame.event === "Session" && frame.type === "info") session = frame.data.session;
    if (frame.type === "error" && !me) $("problem").textContent = frame.data?.message ?? ""; // it refuses us
    log(frame.type === "error" ? "error" : "in", frame.event, frame);
  };

  const connect = () => {
    const query = token() ? "?access_token=" + encodeURIComponent(token()) : "";
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws" + query);
    const mine = socket;
    me = $("problem").textContent = "";
    show("connecting");
    socket.onmessage = ({ data }) => mine === socket && received(data);
    socket.onclose = ({ code, reason }) => {
      if (mine !== socket) return;
      socket = null;
      const why = reason || (me ? "" : notAccepted);
      log("note", `Closed: ${code}${why ? ` (${why})` : ""}`);
      if (!me) $("problem").textContent ||= `Not connected: ${why}.`;
      if (code === 4001) $("token").focus();
      show("closed");
    };
  };

  $("connect").addEventListener("click", () => (socket ? socket.close(1000) : connect()));
  copyButton($("copy-me"), $("me"));
  $("clear").addEventListener("click", () => $("log").replaceChildren());
  $("event").addEventListener("change", fill);
  $("room").addEventListener("change", fill);
  $("frame").addEventListener("input", () => {
    drafts.set(chosen(), $("frame").value);
    $("example").disabled = false;
  });
  $("example").addEventListener("click", () => {
    drafts.delete(chosen());
    fill();
  });
  const send = () => {
    const text = $("frame").value;
    if (socket?.readyState !== 1) return ($("problem").textContent = "Connect first.");
    let frame;
    try {
      frame = JSON.parse(text);
      $("problem").textContent = "";
    } catch (err) {
      // Sent all the same: seeing what the server makes of it is what a console is for.
      $("problem").textContent = `This is not JSON (${err.message}); see what the server says.`;
    }
    socket.send(frame === undefined ? text : JSON.stringify(frame));
    log("out", frame?.event ?? "text", frame ?? text);
  };
  $("send").addEventListener("click", send);
  $("frame").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
  });
  show("closed");
  fill();
}
