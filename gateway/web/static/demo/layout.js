// @ts-check
// How large tiles are, so that they fill a stage.

const gap = 10; // pixels between tiles, as in the style sheet
const flattest = 16 / 9;

/**
 * The size of n tiles in a stage: as large as can be, no flatter than 16:9 and no
 * taller than wide, so that little of a picture is cut off.
 * @param {number} n @param {number} width @param {number} height
 * @returns {{width: number, height: number, columns: number}}
 */
export function grid(n, width, height) {
  let best = { width: 0, height: 0, columns: 1 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const cell = { width: (width - gap * (columns - 1)) / columns, height: (height - gap * (rows - 1)) / rows };
    const tall = Math.min(cell.height, cell.width);
    const wide = Math.min(cell.width, tall * flattest);
    if (wide * tall > best.width * best.height) best = { width: Math.floor(wide), height: Math.floor(tall), columns };
  }
  return best;
}

/**
 * The sizes when one tile is the large one: the others are in a strip below it.
 * @param {number} others @param {number} width @param {number} height
 */
export function spotlight(others, width, height) {
  const strip = others === 0 ? 0 : Math.min(Math.max(height * 0.2, 70), 150, (width - gap * (others - 1)) / others);
  const small = { width: Math.floor(others === 0 ? 0 : Math.min(strip * flattest, (width - gap * (others - 1)) / others)), height: Math.floor(strip) };
  return { large: { width: Math.floor(width), height: Math.floor(height - (others === 0 ? 0 : strip + gap)) }, small };
}
