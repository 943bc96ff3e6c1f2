// Which grids are pairs of a query and a key, and which neurons on them are the weights of
// attention. Both are found by the receptive fields, not by names.

/**
 * @typedef {{rows: number, columns: number, row: Int32Array, column: Int32Array}} Pairs the query
 *   and the key of each position
 */

/**
 * Whether a field leads back from pairs: each position hears all pairs that have it as their query.
 * @param {import("./elements.js").Field} field
 * @param {Int32Array} query of each pair
 */
function leadsBack(field, query) {
  let count = 0;
  for (let k = 0; k < field.positions.length; k++) {
    const pair = field.positions[k];
    if (pair < 0) continue;
    if (query[pair] !== Math.floor(k / field.width)) return false;
    count += 1;
  }
  return count === query.length;
}

/** Whether no two positions of a grid have the same query and the same key. */
function tellsApart(/** @type {Int32Array} */ query, /** @type {Int32Array} */ key) {
  const most = 1 + key.reduce((a, b) => Math.max(a, b), 0);
  return new Set(query.map((q, p) => q * most + key[p])).size === query.length;
}

/** @param {Int32Array} values */
const repeats = (values) => new Set(values).size < values.length;

/**
 * The grids whose positions are pairs. Two fields lead into such a grid, one from the query of each
 * pair and one from its key, and one leads back to the queries.
 * @param {import("./network.js").Network} network
 * @returns {Map<number, Pairs>} by the number of the grid
 */
export function findPairs(network) {
  const fields = network.ids.map((_, k) => network.fieldOf(k)).filter((field) => field !== null);
  /** @type {Map<number, import("./elements.js").Field[]>} */
  const into = new Map();
  for (const field of fields) {
    if (field.width > 1 || field.positions.includes(-1) || !repeats(field.positions)) continue;
    into.set(field.grid, [...(into.get(field.grid) ?? []), field]);
  }
  /** @type {Map<number, Pairs>} */
  const found = new Map();
  for (const [grid, maps] of into) {
    const query = maps.find((map) => fields.some((back) =>
      back.sources === grid && back.grid === map.sources && leadsBack(back, map.positions),
    ));
    const key = query && maps.find((map) => tellsApart(query.positions, map.positions));
    if (!query || !key) continue;
    const [rows, columns] = [query, key].map((map) => network.elements.sizes[map.sources]);
    found.set(grid, { rows, columns, row: query.positions, column: key.positions });
  }
  return found;
}

/**
 * The weights of attention: at each pair, by how much the query hears what the key says. A weight
 * is multiplied by what comes from the key, and the products of each query are added. The weight
 * itself is found, not what a dropout leaves of it.
 * @param {import("./network.js").Network} network
 * @param {Map<number, Pairs>} pairs
 * @returns {number[]} the neurons, in the order of the network
 */
export function findHeads(network, pairs) {
  const { elements } = network;
  const found = new Set();
  const sourcesOf = (/** @type {number} */ k) =>
    [...network.incoming(k)].map((s) => network.sources[s]);
  const beforeDropout = (/** @type {number} */ k) => {
    const [source, ...others] = sourcesOf(k);
    return network.isInterneuron(k) && !others.length && !network.fieldOf(k) ? source : k;
  };
  network.ids.forEach((_, k) => {
    const back = network.fieldOf(k);
    const grid = back && pairs.get(back.sources);
    if (!grid || elements.combinations[k] !== "sum" || !leadsBack(back, grid.row)) return;
    for (const product of sourcesOf(k)) {
      if (elements.combinations[product] !== "product") continue;
      const own = sourcesOf(product).filter((one) => network.fieldOf(one) === null);
      if (own.length === 1) found.add(beforeDropout(own[0]));
    }
  });
  return [...found].sort((a, b) => a - b);
}
