// What a neuron hears at a position: the positions of its sources. Interneurons only move and
// combine numbers, so behind them it goes on, up to what neurons and inputs say there.

/**
 * @param {import("./network.js").Network} network
 * @param {number} k
 * @param {number} position of the neuron
 * @returns {Map<number, Set<number>>} the positions of each neuron that is heard
 */
export function receptiveField(network, k, position) {
  /** @type {Map<number, Set<number>>} */
  const found = new Map();
  /** @type {[number, number][]} */
  const next = [[k, position]];
  for (let pair = next.pop(); pair; pair = next.pop()) {
    const [at, p] = pair;
    const field = network.fieldOf(at);
    const received = field
      ? [...field.positions.subarray(p * field.width, (p + 1) * field.width)].filter((q) => q >= 0)
      : [p];
    for (const s of network.incoming(at)) {
      const source = network.sources[s];
      const known = found.get(source) ?? new Set();
      found.set(source, known);
      for (const q of received) {
        if (known.has(q)) continue;
        known.add(q);
        if (network.isInterneuron(source)) next.push([source, q]);
      }
    }
  }
  return found;
}
