// "Why?": the path along which the strongest urgencies came from the loss.

/**
 * The path, from an output to the neuron.
 * @typedef {{neurons: number[], synapses: number[], loss: boolean}} Reason
 */

/**
 * @param {import("./data.js").Run} run
 * @param {import("./data.js").View} view
 * @param {number} neuron
 * @returns {Reason | null}
 */
export function reason(run, view, neuron) {
  const { network } = run;
  const neurons = [neuron];
  const synapses = [];
  let at = neuron;
  for (;;) {
    const row = network.outputOf.get(at);
    let [strongest, best] = [-1, row === undefined ? -1 : Math.abs(view.blame[row])];
    if (!(best >= 0)) best = -1;
    for (const s of network.outgoing(at)) {
      const size = Math.abs(run.urgency(view, s));
      if (size > best) [strongest, best] = [s, size];
    }
    if (best < 0) return null;
    if (strongest < 0) break;
    synapses.unshift(strongest);
    at = network.targets[strongest];
    neurons.unshift(at);
  }
  return { neurons, synapses, loss: true };
}
