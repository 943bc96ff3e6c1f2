// What a network has besides plain neurons: positions, receptive fields, interneurons, frozen
// parameters, delays. The page's data is described in network_elements.py.

import { whole } from "./packed.js";

/**
 * A receptive field: row p of `positions` has the positions of a source that are heard from p; −1
 * stands for none. `sources` and `grid` are indices of grids.
 * @typedef {{name: string, sources: number, grid: number, width: number, positions: Int32Array}}
 *   Field
 */

export class Elements {
  /**
   * @param {any} raw `network` of the page's data
   * @param {Int32Array} sources of the synapses
   * @param {Int32Array} targets
   */
  constructor(raw, sources, targets) {
    const n = raw.ids.length;
    /** @type {number[][]} the grids of positions as shapes; [] is one position */
    this.grids = raw.grids ?? [[]];
    /** the index of each neuron's grid */
    this.grid = raw.grid ? whole(raw.grid) : new Int32Array(n);
    /** @type {(string | null)[]} how an interneuron combines what it hears; null for a neuron */
    this.combinations = Array(n).fill(null);
    /** the index of each interneuron's field; −1 if it hears its own positions */
    this.field = new Int32Array(n).fill(-1);
    for (const [k, combination, field] of raw.interneurons ?? [])
      [this.combinations[k], this.field[k]] = [combination, field];
    /** the combinations whose formulas the page knows */
    this.known = new Set(raw.combinations ?? []);
    /** @type {Field[]} */
    this.fields = (raw.fields ?? []).map((/** @type {any} */ one) =>
      ({ ...one, positions: whole(one.positions) }),
    );
    /** @type {Map<number, {of: number, ticks: number}>} what each delay repeats, and when */
    this.delayed = new Map(
      (raw.delayed ?? []).map((/** @type {number[]} */ [k, of, ticks]) => [k, { of, ticks }]),
    );
    /** by which delay an output of a cell is repeated, so that its urgency is handed on */
    this.handed = new Map(
      [...this.delayed].map(([delay, { of, ticks }]) => [of, { delay, ticks }]),
    );
    const frozen = (/** @type {string | undefined} */ text) => new Set(text ? whole(text) : []);
    this.frozenWeights = frozen(raw.frozenWeights);
    this.frozenBiases = frozen(raw.frozenBiases);
    /** the number of positions of each grid */
    this.sizes = this.grids.map((grid) => grid.reduce((size, side) => size * side, 1));
    /** where the numbers of each neuron begin in a row of a step, and where the last ones end */
    this.start = offsets(n, (k) => this.sizes[this.grid[k]]);
    /** where the messages of each synapse into an interneuron begin; −1 for other synapses */
    this.sent = new Int32Array(sources.length).fill(-1);
    this.sentWidth = 0;
    for (let s = 0; s < sources.length; s++) {
      if (this.combinations[targets[s]] === null) continue;
      this.sent[s] = this.sentWidth;
      this.sentWidth += this.sizes[this.grid[sources[s]]];
    }
    this.isPlain = this.start[n] === n;
  }

  /** How many positions a neuron lives at. @param {number} k */
  positions(k) {
    return this.start[k + 1] - this.start[k];
  }
}

/**
 * Where each of n parts begins, and where the last one ends.
 * @param {number} n
 * @param {(k: number) => number} size
 */
export function offsets(n, size) {
  const start = new Int32Array(n + 1);
  for (let k = 0; k < n; k++) start[k + 1] = start[k] + size(k);
  return start;
}

/**
 * The position in the middle of a grid, counted through it.
 * @param {number[]} grid
 */
export function middle(grid) {
  return grid.reduce((at, side) => at * side + Math.floor(side / 2), 0);
}

/** A grid as text: "28 × 28". @param {number[]} grid */
export function gridName(grid) {
  return grid.join(" × ");
}
