// Copying, also where there is no navigator.clipboard: pages that came by plain
// http do not have it.

/** Copies text; resolves with whether the browser did. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text);
  }
}

// copySelection selects text in a field that nobody sees, and has the browser
// copy the selection.
function copySelection(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.readOnly = true; // so that no keyboard comes up on a phone
  field.value = text;
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    /** @type {HTMLElement|null} */ (before)?.focus?.({ preventScroll: true });
  }
}

/** Selects what an element shows, so that a person can copy it. */
export function select(element) {
  getSelection().selectAllChildren(element);
}

/**
 * Makes button copy what source shows. The button says for a moment that it is
 * done; when the browser refuses, the text is selected and the button says what to do.
 */
export function copyButton(button, source) {
  const idle = button.textContent;
  const said = status();
  let timer = 0;
  button.addEventListener("click", async () => {
    const done = await copy(source.textContent);
    if (!done) select(source);
    said.textContent = button.textContent = done ? "Copied" : "Selected: copy it with your keyboard or menu";
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = idle;
      said.textContent = ""; // so that the same words are news the next time
    }, done ? 2_000 : 10_000);
  });
}

// status returns the element whose changes screen readers say: a button that changes its
// own text is not read again.
function status() {
  const known = document.getElementById("copy-status");
  if (known) return known;
  const made = document.createElement("p");
  made.id = "copy-status";
  made.className = "unseen";
  made.setAttribute("role", "status");
  document.body.append(made);
  return made;
}
