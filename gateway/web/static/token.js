// The access token of these pages, for a server that wants one: from ?access_token= of
// the page's address, or from a field. A tab keeps it, so that it also does for the demo.

const name = "access_token";

/** Makes field the token's. Returns how to read it: "" is none. */
export function tokenField(field) {
  const url = new URL(location.href);
  const given = url.searchParams.get(name);
  if (given !== null) {
    url.searchParams.delete(name); // an address is copied and shown to others
    history.replaceState(history.state, "", url);
    sessionStorage.setItem(name, given);
  }
  field.value = sessionStorage.getItem(name) ?? "";
  field.addEventListener("input", () => sessionStorage.setItem(name, field.value.trim()));
  return () => field.value.trim();
}
