// Where an urgency is shown.

/** Where a neuron's urgency stands: with the neuron, or in the population view in a grid of its own below.
 *  @param {import("./layout.js").Layout} l @param {import("./data.js").Network} network @param {number} k */
export function urgedAt(l, network, k) {
  if (l.mode === "nodes") return l.y[k];
  const grid = l.grids[network.level[k]];
  return l.y[k] + grid.urged - grid.said;
}
