// Neurons and synapses over all steps.

import { floatAt } from "./packed.js";

/**
 * A synapse over all steps: its weight before the step, its activation, its urgency; NaN in a
 * step without the example.
 * @param {import("./data.js").Run} run
 * @param {number} synapse
 * @param {number} example
 * @param {number[]} [positions]
 */
export function synapseHistory(run, synapse, example, positions = run.middle) {
  const { sources, targets, elements } = run.network;
  const [source, sent] = [sources[synapse], elements.sent[synapse]];
  return run.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
    const weight = floatAt(run.raw.versions[info.before].weights, run.item, synapse);
    const read = (/** @type {string} */ name, /** @type {number} */ k) =>
      readAt(run, step, example, name, k, positions);
    const odd = info.odd.includes(targets[synapse]);
    const at = run.row(step, example) * elements.sentWidth + sent;
    const urgency = sent < 0
      ? weight * read("signal_urgencies", targets[synapse])
      : run.has(step, example)
      ? floatAt(info.arrays.messages, run.item, at + positions[elements.grid[source]])
      : NaN;
    return {
      number: info.number,
      weight,
      activation: read("activations", source),
      urgency: odd ? NaN : urgency,
    };
  });
}

/** A neuron's number at its chosen position in a step; NaN in a step without the example. */
export function readAt(
  /** @type {import("./data.js").Run} */ run,
  /** @type {number} */ step,
  /** @type {number} */ example,
  /** @type {string} */ name,
  /** @type {number} */ k,
  /** @type {number[]} */ positions,
) {
  if (!run.has(step, example)) return NaN;
  const { elements, n } = run.network;
  const at = run.row(step, example) * elements.start[n] + elements.start[k];
  return floatAt(run.steps[step].arrays[name], run.item, at + positions[elements.grid[k]]);
}

/**
 * A neuron over all steps; NaN in a step without the example.
 * @param {import("./data.js").Run} run
 * @param {number} k
 * @param {number} example
 * @param {number[]} [positions]
 */
export function neuronHistory(run, k, example, positions = run.middle) {
  return run.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
    const read = (/** @type {string} */ name) =>
      readAt(run, step, example, name, k, positions);
    return { number: info.number, activation: read("activations"), urgency: read("urgencies") };
  });
}
