// The search in the documents. It needs no server beyond the file /docs/index.json,
// which has an entry for each section and each row of the tables.

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);
const shown = 12; // results at most

let loading = null; // of the index, begun when somebody wants to search

function index() {
  loading ??= fetch("/docs/index.json").then((answer) => {
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }).catch((err) => {
    loading = null; // so that the next key tries again
    throw err;
  });
  return loading;
}

// score says how well an entry fits: 0 when one of the words is not in it, and more for
// words that its title, or else the title of its document, has.
function score(entry, words) {
  const title = entry.title.toLowerCase(), page = entry.page.toLowerCase(), text = entry.text.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const points = title.startsWith(word) ? 12 : title.includes(word) ? 8 : text.includes(word) ? 2 : page.includes(word) ? 1 : 0;
    if (points === 0) return 0;
    sum += points;
  }
  return sum;
}

// excerpt is the part of the text around the first of the words that it has.
function excerpt(text, words) {
  const lower = text.toLowerCase();
  const at = Math.max(0, Math.min(...words.map((word) => lower.indexOf(word)).filter((i) => i >= 0), text.length));
  const from = at < 40 || at === text.length ? 0 : text.lastIndexOf(" ", at - 30) + 1;
  return (from > 0 ? "… " : "") + text.slice(from, from + 110).trim() + (text.length > from + 110 ? " …" : "");
}

function show({ page, title, path, text }, words) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const head = document.createElement("strong");
  const more = document.createElement("span");
  link.href = path;
  head.textContent = title === page ? page : `${page}: ${title}`;
  more.textContent = excerpt(text, words);
  link.append(head, more);
  item.append(link);
  return item;
}

async function search() {
  const query = $("query").value;
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  let found = [];
  try {
    if (words.length > 0) {
      const ranked = (await index()).map((entry) => ({ entry, points: score(entry, words) }));
      found = ranked.filter(({ points }) => points > 0).sort((a, b) => b.points - a.points);
    }
  } catch {
    $("found").textContent = "The search could not be loaded. Type on to try again.";
    return;
  }
  if (query !== $("query").value) return; // a later key shows its own
  const some = found.length > shown ? `The first ${shown} of ${found.length}` : `${found.length} found`;
  $("found").textContent = words.length === 0 ? "" : found.length === 0 ? "Nothing found." : some;
  $("hits").replaceChildren(...found.slice(0, shown).map(({ entry }) => show(entry, words)));
}

// move goes from the field into the results and among them; above the first is the field.
function move(step) {
  const stops = [$("query"), ...$("hits").querySelectorAll("a")];
  const next = stops.indexOf(document.activeElement) + step;
  stops[Math.max(0, Math.min(next, stops.length - 1))].focus();
}

function clear() {
  $("query").value = "";
  $("query").focus();
  search();
}

$("search").hidden = false;
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  $("hits").querySelector("a")?.click();
});
$("query").addEventListener("input", search);
$("query").addEventListener("focus", () => index().catch(() => {})); // search says so when it matters
$("search").addEventListener("keydown", (event) => {
  const act = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Escape: clear }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
$("hits").addEventListener("click", (event) => {
  if (event.target.closest("a")) $("hits").replaceChildren(); // the section may be on this page
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || /** @type {Element} */ (event.target).closest("input, select, textarea")) return;
  event.preventDefault();
  $("query").focus();
});
