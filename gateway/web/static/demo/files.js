// @ts-check
// The list of files that come and go.

import { $, el } from "./dom.js";
import { Receiving, Sending } from "./transfer.js";

const maxShown = 30; // transfers in the list
const label = "file"; // of the data channels

export class Files {
  #nameOf;
  #peers;

  constructor({ nameOf, peers }) {
    this.#nameOf = nameOf;
    this.#peers = peers;
    $("file").addEventListener("change", () => {
      for (const file of $("file").files) this.#offer(file);
      $("file").value = "";
    });
  }

  /** Whom a file can be sent to. */
  choices(members) {
    const kept = $("file-to").value;
    $("file-to").replaceChildren(el("option", { value: "" }, "Everyone"), ...members.map((m) => el("option", { value: m.id }, this.#nameOf(m.id))));
    $("file-to").value = members.some((m) => m.id === kept) ? kept : "";
  }

  /** A data channel that a peer made. */
  async incoming(peer, channel) {
    if (channel.label !== label) return;
    const transfer = await Receiving.from(channel).catch(() => null); // closed before it said what it is
    if (transfer) this.#show(transfer, this.#nameOf(peer.id));
  }

  #offer(file) {
    const to = $("file-to").value;
    const peers = [...this.#peers().values()].filter((p) => p.state === "connected" && (!to || p.id === to));
    for (const peer of peers) {
      this.#show(new Sending(peer.pc.createDataChannel(label), file), this.#nameOf(peer.id));
    }
    if (peers.length === 0) {
      $("files").prepend(el("li", {}, el("span", { class: "say bad", role: "status" }, "Nobody to send it to is connected now.")));
    }
  }

  #show(transfer, name) {
    const bar = el("progress", { max: String(transfer.size || 1), value: "0", "aria-label": `${transfer.name}: how much is through` });
    const say = el("span", { class: "say", role: "status" });
    const acts = el("div", { class: "row" });
    const item = el("li", { "data-transfer": transfer.outgoing ? "out" : "in" },
      el("span", { class: "name" }, transfer.name), ` ${transfer.outgoing ? "to" : "from"} ${name}, ${sayBytes(transfer.size)}`, bar, say, acts);
    let shown = "";
    const draw = () => {
      item.dataset.state = transfer.state;
      bar.value = transfer.size ? transfer.at : Number(transfer.state === "done");
      say.className = `say ${{ done: "good", failed: "bad" }[transfer.state] ?? ""}`;
      const text = sentence(transfer, name);
      if (say.textContent !== text) say.textContent = text;
      if (shown === transfer.state) return;
      shown = transfer.state;
      acts.replaceChildren(...buttons(transfer));
    };
    transfer.onchange = draw;
    draw();
    item.transfer = transfer; // for whoever looks at the page from its console
    $("files").prepend(item);
    this.#trim();
  }

  // trim lets go of the oldest that are over, with the bytes they hold.
  #trim() {
    for (const old of [...$("files").children].slice(maxShown)) {
      const { link, state } = old.transfer ?? {};
      if (state === "asking" || state === "running") continue;
      if (link) URL.revokeObjectURL(link);
      old.remove();
    }
  }
}

function buttons(t) {
  const button = (kind, text, onclick) => el("button", { class: `button small ${kind}`, type: "button", onclick }, text);
  if (t.state === "asking" && !t.outgoing) return [button("", "Accept", () => t.accept()), button("quiet", "Decline", () => t.refuse())];
  if (t.state === "asking" || t.state === "running") return [button("quiet", "Cancel", () => t.cancel())];
  if (t.state === "done" && !t.outgoing) {
    t.link = URL.createObjectURL(t.file);
    return [el("a", { class: "button small", href: t.link, download: t.name }, "Save")];
  }
  return [];
}

function sentence(t, name) {
  switch (t.state) {
    case "asking":
      return t.outgoing ? `Waiting for ${name} to accept.` : `${name} wants to send you this.`;
    case "running":
      return `${Math.floor((100 * t.at) / (t.size || 1))} %`;
    case "done":
      return t.sha256 ? "Complete and checked (SHA-256)." : "Complete.";
    default:
      return t.problem;
  }
}

export function sayBytes(n) {
  if (n < 1024) return `${n} bytes`;
  if (n < 1 << 20) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / (1 << 20)).toFixed(1)} MiB`;
}
