// Names that people can say to each other.

const first = ["amber", "birch", "cedar", "clover", "copper", "fern", "harbour", "hazel", "heron", "indigo", "juniper", "lantern", "maple", "meadow", "mossy", "north", "olive", "opal", "pebble", "quiet", "river", "saffron", "silver", "willow"];
const second = ["attic", "bakery", "bench", "boat", "bridge", "cabin", "corner", "garden", "gate", "hall", "harbour", "hill", "kitchen", "library", "market", "orchard", "porch", "quay", "shore", "studio", "table", "tower", "veranda", "workshop"];

const pick = (list, n) => list[n % list.length];

/** A fresh name for a room: hard enough to guess for a meeting among friends. */
export function roomName() {
  const n = crypto.getRandomValues(new Uint16Array(3));
  return `${pick(first, n[0])}-${pick(second, n[1])}-${1000 + (n[2] % 9000)}`;
}

/** A name for somebody who gave none. */
export function guestName() {
  const [n] = crypto.getRandomValues(new Uint16Array(1));
  const word = pick(first, n);
  return word[0].toUpperCase() + word.slice(1);
}
