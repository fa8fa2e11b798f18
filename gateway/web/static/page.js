// The page at /: live status, the form that leads to the demo, and the console.

import { startConsole } from "./console.js";
import { copyButton } from "./copy.js";
import { roomName } from "./names.js";

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);
const every = 3_000; // ms between two looks at the status

async function lookAtStatus() {
  try {
    const answer = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(every) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    showStatus(await answer.json());
  } catch {
    setStatus("down", "This server does not answer. Trying again…");
  }
  setTimeout(lookAtStatus, every);
}

function showStatus(s) {
  $("status-connections").textContent = s.connections.toLocaleString("en");
  $("status-rooms").textContent = s.rooms.toLocaleString("en");
  $("status-gateway").textContent = s.gateway || "–";
  if (s.draining) setStatus("draining", "This server is going away; clients move to another.");
  else if (s.ready) setStatus("up", "This server is up.");
  else setStatus("down", "This server runs, but is not ready yet.");
}

// setStatus writes only what changed, so that a screen reader is not told every three seconds.
function setStatus(state, text) {
  $("status").dataset.state = state;
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
}

$("join-room").value = roomName();
$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = "/demo#" + encodeURIComponent($("join-room").value.trim());
});

for (const button of document.querySelectorAll(".copy")) copyButton(button, button.closest("figure").querySelector("code"));

$("plain-http").hidden = isSecureContext;
startConsole($);
lookAtStatus();
