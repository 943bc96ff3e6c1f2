// How the positions of a grid lie in a picture: tokens in a row, pixels in rows, pairs of a query
// and a key as a matrix.

const ROUNDING = 1e-4; // of a sum of numbers that the page has with 4 bytes each

/**
 * @typedef {{rows: number, columns: number, row: Int32Array, column: Int32Array, at: Int32Array,
 *   pairs: boolean}} Arrangement `at`: the position of each cell, row by row; -1: there is none
 */

/**
 * @param {number} rows
 * @param {number} columns
 * @param {Int32Array} row of each position
 * @param {Int32Array} column of each position
 * @param {boolean} pairs whether rows are queries and columns are keys
 * @returns {Arrangement}
 */
function placed(rows, columns, row, column, pairs) {
  const at = new Int32Array(rows * columns).fill(-1);
  row.forEach((r, p) => (at[r * columns + column[p]] = p));
  return { rows, columns, row, column, at, pairs };
}

/**
 * Lay out a grid. Of more than two axes the last one goes along rows, all others along columns.
 * @param {number[]} shape of the grid; [] is one position
 * @param {import("./pairs.js").Pairs} [pairs] what its positions are, if they are pairs
 * @returns {Arrangement}
 */
export function arrange(shape, pairs) {
  if (pairs) return placed(pairs.rows, pairs.columns, pairs.row, pairs.column, true);
  const columns = shape[shape.length - 1] ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const all = Int32Array.from({ length: rows * columns }, (_, p) => p);
  const row = all.map((p) => Math.floor(p / columns));
  return placed(rows, columns, row, all.map((p) => p % columns), false);
}

/**
 * The position beside another one, as an arrow key goes; over an empty half of the matrix, or past
 * an edge, it stays.
 * @param {Arrangement} a
 * @param {number} p
 * @param {number} down
 * @param {number} right
 */
export function beside(a, p, down, right) {
  const [row, column] = [a.row[p] + down, a.column[p] + right];
  const inside = row >= 0 && row < a.rows && column >= 0 && column < a.columns;
  const found = inside ? a.at[row * a.columns + column] : -1;
  return found < 0 ? p : found;
}

/**
 * The largest cells, square if they can be, with which the picture fits into a box.
 * @param {Arrangement} a
 * @param {number} width
 * @param {number} height
 */
export function fit(a, width, height) {
  const cell = Math.min(width / a.columns, height / a.rows);
  return { cell, width: cell * a.columns, height: cell * a.rows };
}

/**
 * The position under a point of the picture; -1 if there is none.
 * @param {Arrangement} a
 * @param {number} x from the left, 0 to 1
 * @param {number} y from the top, 0 to 1
 */
export function positionAt(a, x, y) {
  if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return -1;
  return a.at[Math.floor(y * a.rows) * a.columns + Math.floor(x * a.columns)];
}

/**
 * Whether the numbers of each row are shares of 1.
 * @param {Arrangement} a
 * @param {ArrayLike<number>} values
 */
export function areShares(a, values) {
  const sums = new Float64Array(a.rows);
  for (const p of a.row.keys()) {
    if (!(values[p] >= 0)) return false;
    sums[a.row[p]] += values[p];
  }
  return sums.every((sum) => Math.abs(sum - 1) < ROUNDING);
}

/**
 * A position in words, counted from 0 as `na.field` does: "3", "(2, 3)"; of a pair "2 → 3", from
 * its query to its key.
 * @param {Arrangement} a
 * @param {number} p
 */
export function positionName(a, p) {
  const [row, column] = [a.row[p], a.column[p]];
  if (a.pairs) return `${row} → ${column}`;
  return a.rows === 1 ? String(column) : `(${row}, ${column})`;
}
