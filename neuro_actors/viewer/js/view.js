// One example of a step, or the mean: its numbers at the chosen positions, and at all.

import { floats } from "./packed.js";

/**
 * Decode the numbers of a row of a step.
 * @param {import("./data.js").Run} run
 * @param {number} step its index
 * @param {number} row
 * @param {number[]} positions the chosen position on each grid
 * @returns {import("./data.js").View}
 */
export function decodeView(run, step, row, positions) {
  const info = run.steps[step];
  const { elements, n, outputs, outputStart } = run.network;
  const of = (/** @type {string} */ name, /** @type {number} */ width, at = row) =>
    info.arrays[name]
      ? floats(info.arrays[name], run.item).subarray(at * width, (at + 1) * width)
      : null;
  const width = elements.start[n];
  const at = (/** @type {number} */ k) => positions[elements.grid[k]];
  const chosen = (/** @type {any} */ values) => elements.isPlain
    ? values
    : Float64Array.from(run.network.ids, (_, k) => values[elements.start[k] + at(k)]);
  const chosenOutputs = (/** @type {any} */ values) => elements.isPlain
    ? values
    : Float64Array.from(outputs, (k, output) => values[outputStart[output] + at(k)]);
  const all = {
    a: of("activations", width),
    z: of("signals", width),
    u: of("urgencies", width),
    slope: of("slopes", width),
    v: of("signal_urgencies", width),
    messages: of("messages", elements.sentWidth),
    targets: of("targets", outputStart[outputs.length]),
    blame: of("blame", outputStart[outputs.length]),
  };
  const last = info.batch === 1 ? 0 : info.examples;
  const ofParameters = (/** @type {string} */ name) =>
    info.arrays[name] ? floats(info.arrays[name], run.item) : null;
  return {
    a: chosen(all.a),
    z: chosen(all.z),
    u: chosen(all.u),
    slope: chosen(all.slope),
    v: chosen(all.v),
    flat: steepest(run.network, of("slopes", width, last)),
    targets: chosenOutputs(all.targets),
    blame: chosenOutputs(all.blame),
    loss: (of("losses", 1) ?? [NaN])[0],
    all,
    at,
    ...run.version(info.before),
    after: run.version(info.after),
    isMean: info.batch > 1 && row === info.examples,
    example: info.inputs[row] ?? -1,
    odd: new Set(info.odd),
    wants: ofParameters("wants"),
    batchWants: ofParameters("batch_wants"),
    states: ["state0", "state1"].map(ofParameters).filter((array) => array !== null),
  };
}

/** The greatest |f'(z)| of each neuron over its positions. */
function steepest(
  /** @type {import("./network.js").Network} */ { elements, ids },
  /** @type {any} */ slopes,
) {
  if (elements.isPlain) return slopes;
  return Float64Array.from(ids, (_, k) =>
    slopes.subarray(elements.start[k], elements.start[k + 1]).reduce(
      (/** @type {number} */ most, /** @type {number} */ one) => Math.max(most, Math.abs(one)),
      0,
    ),
  );
}
