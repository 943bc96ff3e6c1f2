// How a network's positions lie in pictures, and which of its neurons are weights of attention.

import { arrange } from "./arrangement.js";
import { findHeads, findPairs } from "./pairs.js";

/**
 * @typedef {{arrangements: import("./arrangement.js").Arrangement[], heads: number[]}} Pictures of
 *   each grid, and the weights of attention
 */
/** @type {WeakMap<import("./network.js").Network, Pictures>} */
const known = new WeakMap(); // the same for all steps

/** @param {import("./network.js").Network} network @returns {Pictures} */
function picturesOf(network) {
  let found = known.get(network);
  if (!found) {
    const pairs = findPairs(network);
    found = {
      arrangements: network.elements.grids.map((grid, k) => arrange(grid, pairs.get(k))),
      heads: findHeads(network, pairs),
    };
    known.set(network, found);
  }
  return found;
}

/**
 * How a neuron's positions lie in a picture.
 * @param {import("./network.js").Network} network
 * @param {number} k
 */
export function arrangementOf(network, k) {
  return picturesOf(network).arrangements[network.elements.grid[k]];
}

/**
 * The weights of attention, head after head.
 * @param {import("./network.js").Network} network
 */
export function headsOf(network) {
  return picturesOf(network).heads;
}
