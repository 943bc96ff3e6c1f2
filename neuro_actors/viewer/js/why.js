// "Why?": the path along which the strongest urgencies came from the loss.

import { urgencyTerms } from "./interneurons.js";

/**
 * The path, from an output to the neuron: the neurons, the position of each, and between them the
 * strongest part of each urgency. `stopped`: the neuron before the first one, if it is not known
 * from which position of it the strongest part came.
 * @typedef {{neurons: number[], positions: number[], synapses: number[], terms:
 *   import("./interneurons.js").UrgencyTerm[], loss: boolean, stopped: number | null}} Reason
 */

/**
 * @param {import("./data.js").Run} run
 * @param {import("./data.js").View} view
 * @param {number} neuron
 * @returns {Reason | null}
 */
export function reason(run, view, neuron) {
  const { network } = run;
  /** @type {Reason} */
  const found = {
    neurons: [neuron], positions: [view.at(neuron)], synapses: [], terms: [], loss: true,
    stopped: null,
  };
  let [at, position] = [neuron, view.at(neuron)];
  for (;;) {
    const row = network.outputOf.get(at);
    /** @type {import("./interneurons.js").UrgencyTerm | null} */
    let strongest = null;
    let best = row === undefined
      ? -1
      : Math.abs(view.all.blame[network.outputStart[row] + position]);
    if (!(best >= 0)) best = -1;
    for (const term of urgencyTerms(run, view, at, position)) {
      const size = Math.abs(term.part);
      if (size > best) [strongest, best] = [term, size];
    }
    if (best < 0) return null;
    if (strongest === null) break;
    at = strongest.target;
    position = strongest.position;
    if (position < 0 && network.fieldOf(at) === null) position = found.positions[0];
    if (position < 0) {
      found.stopped = at;
      found.loss = false;
      break;
    }
    found.synapses.unshift(strongest.synapse);
    found.terms.unshift(strongest);
    found.neurons.unshift(at);
    found.positions.unshift(position);
  }
  return found;
}
