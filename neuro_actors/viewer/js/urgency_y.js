// The height at which an urgency is drawn.

/**
 * The y of a neuron's urgency: that of the neuron, or in the population view of the lower field.
 * @param {import("./layout.js").Layout} l
 * @param {import("./network.js").Network} network
 * @param {number} k
 */
export function urgencyY(l, network, k) {
  if (l.mode === "nodes") return l.y[k];
  const grid = l.grids[network.level[k]];
  return l.y[k] + grid.urgencyTop - grid.activationTop;
}
