// The names of the waves on the time line: inside their part of the strip, or in rows below it.

const NAMES_APART = 8; // pixels between two names in a row

/**
 * Where the names of the parts of a strip are written. A name that does not fit into its part goes
 * below it, into the first row in which it meets no other.
 * @param {{start: number, end: number, wide: number, fits: boolean}[]} parts in pixels; wide: that
 *   of the name in one line
 * @param {number} room the width of the strip
 * @returns {{row: number, left: number}[]} row -1: inside the strip
 */
export function placeNames(parts, room) {
  /** @type {number[]} where each row ends */
  const ends = [];
  return parts.map(({ start, end, wide, fits }) => {
    if (fits) return { row: -1, left: start };
    const left = Math.max(0, Math.min(room - wide, (start + end - wide) / 2));
    let row = ends.findIndex((taken) => taken + NAMES_APART <= left);
    if (row < 0) row = ends.length;
    ends[row] = left + wide;
    return { row, left };
  });
}
