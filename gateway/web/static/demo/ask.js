// @ts-check
// A question before something is done.

import { $ } from "./dom.js";

/**
 * Asks in a dialog; resolves with null when somebody cancels. check is a box to tick,
 * field a text to fill in.
 * @param {{title: string, text?: string, confirm: string, danger?: boolean, check?: string, field?: {label: string, value: string}}} question
 * @returns {Promise<{checked: boolean, value: string}|null>}
 */
export function ask({ title, text = "", confirm, danger = false, check = "", field }) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-check-row").hidden = !check;
  $("ask-check-label").textContent = check;
  $("ask-check").checked = false;
  $("ask-field-row").hidden = !field;
  $("ask-field-label").textContent = field?.label ?? "";
  $("ask-field").value = field?.value ?? "";
  $("ask-field").required = Boolean(field);
  $("ask-confirm").textContent = confirm;
  $("ask-confirm").classList.toggle("danger", danger);
  dialog.returnValue = "";
  dialog.showModal();
  if (field) $("ask-field").select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "confirm" ? { checked: $("ask-check").checked, value: $("ask-field").value.trim() } : null);
    }, { once: true });
  });
}

/** Makes the buttons of the page's dialogs close them. The page's policy lets no form be sent, so none is. */
export function wireDialogs() {
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  $("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("ask").close("confirm");
  });
}
