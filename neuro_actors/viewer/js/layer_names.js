// The names of layers, for networks of many levels: what the ids of a level have in common.

const LEAST_START = 3; // characters: fewer are no name of a part
const ROWS = 2; // how many parts of a name are written

/** @typedef {{name: string, first: number, last: number}} LayerName and its levels */

/** The last part of a name, with the one before it if it is a mere number. @param {string} id */
export function lastName(id) {
  const parts = id.split(".");
  const last = parts[parts.length - 1];
  return /^[\p{L}_]/u.test(last) ? last : parts.slice(-2).join(".");
}

/**
 * What some names have in common: parts between dots, and then the start of the next part.
 * @param {string[]} names
 * @returns {string[]}
 */
function inCommon(names) {
  const split = names.map((name) => name.split("."));
  const found = [];
  for (let k = 0; ; k++) {
    const parts = split.map((one) => one[k] ?? "");
    if (parts.some((part) => part !== parts[0])) {
      const start = /^\p{L}+/u.exec(parts[0])?.[0] ?? "";
      const isShared = start.length >= (k ? LEAST_START : 1) &&
        parts.every((part) => part.startsWith(start));
      return isShared ? [...found, start] : found;
    }
    if (!/^\p{L}/u.test(parts[0])) return found; // no more parts, or a mere number
    found.push(parts[0]);
  }
}

/**
 * The layers: levels that lie side by side and begin with the same name, in rows from the bottom
 * on. The first row has the first parts of names, the next one the parts behind them.
 * @param {import("./network.js").Network} network
 * @returns {LayerName[][]} no rows if there is no layer of several levels
 */
export function findLayers(network) {
  const names = network.levels.map((level) => inCommon(level.map((k) => network.ids[k])));
  const rows = Array.from({ length: ROWS }, (_, depth) => {
    /** @type {(LayerName & {key: string})[]} */
    const found = [];
    names.forEach((parts, level) => {
      const key = parts.slice(0, depth + 1).join(".");
      const last = found[found.length - 1];
      if (last && last.key === key) last.last = level;
      else found.push({ key, name: parts[depth] ?? "", first: level, last: level });
    });
    return found.filter(({ name }) => name).map(({ name, first, last }) => ({ name, first, last }));
  });
  const some = rows.filter((row) => row.length);
  return some.some((row) => row.some(({ first, last }) => last > first)) ? some : [];
}
