// Which synapses and neurons are lit: those of the chosen thing, of the thing under the pointer, or
// of an answer to "why?".

/** @typedef {{kind: "neuron", k: number} | {kind: "synapse", k: number} | {kind: "loss"}} Thing */
/** @typedef {{synapses: Set<number>, neurons: Set<number>, loss: boolean}} Lit */

/**
 * @param {import("./network.js").Network} network
 * @param {Thing | null} chosen
 * @param {Thing | null} hover
 * @param {import("./why.js").Reason | null} reason
 * @returns {Lit | null} null: all alike
 */
export function findLit(network, chosen, hover, reason) {
  if (hover?.kind === "synapse") return litBySynapse(network, hover.k);
  if (reason)
    return {
      synapses: new Set(reason.synapses),
      neurons: new Set(reason.neurons),
      loss: reason.loss,
    };
  if (chosen) return litBy(network, chosen);
  return hover?.kind === "neuron" || hover?.kind === "loss" ? litBy(network, hover) : null;
}

function litBy(/** @type {import("./network.js").Network} */ network, /** @type {Thing} */ thing) {
  if (thing.kind === "synapse") return litBySynapse(network, thing.k);
  if (thing.kind === "loss")
    return { synapses: new Set(), neurons: new Set(network.outputs), loss: true };
  const [incoming, outgoing] = [network.incoming(thing.k), network.outgoing(thing.k)];
  const neurons = new Set([thing.k]);
  for (const s of incoming) neurons.add(network.sources[s]);
  for (const s of outgoing) neurons.add(network.targets[s]);
  return {
    synapses: new Set([...incoming, ...outgoing]),
    neurons,
    loss: network.outputOf.has(thing.k),
  };
}

function litBySynapse(
  /** @type {import("./network.js").Network} */ network,
  /** @type {number} */ s,
) {
  return {
    synapses: new Set([s]),
    neurons: new Set([network.sources[s], network.targets[s]]),
    loss: false,
  };
}
