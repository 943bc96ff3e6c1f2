// The data of the run; arrays are decoded when they are needed.

import { middle } from "./elements.js";
import { Network } from "./network.js";
import { floats } from "./packed.js";
import { decodeView } from "./view.js";

/**
 * The numbers of one example of a step, or of the mean: a, z, u, f'(z), v of each neuron at its
 * chosen position; targets and blame (the loss's urgency) of each output; weights and biases before
 * and after the step. `all` has the numbers at all positions, `at` the position of each neuron.
 * @typedef {{a: any, z: any, u: any, slope: any, v: any, targets: any, blame: any, loss: number,
 *   weights: any, biases: any, after: {weights: any, biases: any}, isMean: boolean, flat: any,
 *   example: number, odd: Set<number>, wants: any, batchWants: any, states: any[], all:
 *   Record<string, any>, at: (k: number) => number}} View
 */

export class Run {
  /** @param {any} raw */
  constructor(raw) {
    this.raw = raw;
    this.network = new Network(raw.network);
    /** @type {any[]} */
    this.steps = raw.steps;
    this.curve = raw.curve;
    this.notes = raw.notes;
    this.title = raw.title;
    /** @type {[number, number] | null} rows and columns, where the inputs are a picture */
    this.picture = raw.picture;
    this.item = raw.item;
    this.functions = raw.functions;
    /** whether any step has a fault */
    this.hasFaults = raw.steps.some((/** @type {any} */ step) => step.faults !== undefined);
    this._versions = new Map();
    this._views = new Map();
    /** @type {Map<number, any>} */
    this._examples = new Map();
    /** the position on each grid that is chosen to begin with */
    this.middle = this.network.elements.grids.map(middle);
    /** how many examples there are */
    this.nExamples = 1 + Math.max(
      ...raw.steps.map((/** @type {any} */ one) => Math.max(...one.inputs)),
    );
  }

  /**
   * The larger picture that an example's inputs were made from, if the page has it.
   * @param {number} example
   * @returns {{rows: number, columns: number, grey: Uint8Array} | null} grey from 0 to 255
   */
  original(example) {
    const { size, of } = this.raw.originals ?? { of: {} };
    const text = of[example];
    if (text === undefined) return null;
    const grey = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return { rows: size[0], columns: size[1], grey };
  }

  /** @param {number} k */
  version(k) {
    if (!this._versions.has(k)) {
      if (this._versions.size > 40) this._versions.clear();
      const { weights, biases } = this.raw.versions[k];
      this._versions.set(
        k,
        { weights: floats(weights, this.item), biases: floats(biases, this.item) },
      );
    }
    return this._versions.get(k);
  }

  /**
   * The row of an example in a step; the mean's, if the example is not in it or is -1. A batch of
   * one example is its own mean.
   * @param {number} step
   * @param {number} example
   */
  row(step, example) {
    const { batch, examples, inputs } = this.steps[step];
    const row = inputs.indexOf(example);
    return row >= 0 ? row : batch === 1 ? 0 : examples;
  }

  /**
   * Whether a step has an example; each has the mean.
   * @param {number} step
   * @param {number} example
   */
  has(step, example) {
    return example < 0 || this.steps[step].inputs.includes(example);
  }

  /**
   * Of what curves over the steps are: of the example if it is followed, or is in most steps; else
   * of the mean.
   * @param {import("./scene.js").State} state
   */
  ofCurves({ example, follow }) {
    const many = this.steps.filter((_, step) => this.has(step, example)).length;
    return follow || 2 * many > this.steps.length ? example : -1;
  }

  /**
   * The next step that has an example, from the beginning on after the last one; -1 if none has.
   * @param {number} step
   * @param {number} example
   */
  stepWith(step, example) {
    for (let by = 1; by <= this.steps.length; by++) {
      const other = (step + by) % this.steps.length;
      if (this.has(other, example)) return other;
    }
    return -1;
  }

  /**
   * What an example's inputs and targets are; NaN if there is none.
   * @param {number} example
   * @returns {{x: number[], t: number[]}}
   */
  exampleValues(example) {
    if (!this._examples.has(example)) {
      const step = this.steps.findIndex((/** @type {any} */ one) => one.inputs.includes(example));
      if (step < 0) return { x: [NaN], t: [NaN] };
      this._examples.set(example, this._valuesOf(step, example));
    }
    return this._examples.get(example);
  }

  /** Of one round, or of all rounds of a sequence. */
  _valuesOf(/** @type {number} */ step, /** @type {number} */ example) {
    const { elements, inputs, outputs, outputStart } = this.network;
    const own = inputs.filter((k) => !elements.delayed.has(k));
    const rows = outputs.map((_, row) => row).slice(0, outputs.length - elements.delayed.size);
    const x = [];
    let t = /** @type {number[]} */ ([]);
    for (const one of this.roundsOf(step)) {
      const { arrays, inputs: numbers, back } = this.steps[one];
      const row = numbers.indexOf(example);
      if (row < 0) continue;
      const read = (/** @type {string} */ name, /** @type {Int32Array} */ start) => {
        const all = floats(arrays[name], this.item).subarray(row * start[start.length - 1]);
        return (/** @type {number} */ k) => [...all.subarray(start[k], start[k + 1])];
      };
      if (!back || !x.length) x.push(...own.flatMap(read("activations", elements.start)));
      const targets = rows.flatMap(read("targets", outputStart));
      t = back ? [...targets, ...t] : back === undefined ? targets : t;
    }
    return { x, t: t.length ? t : rows.map(() => NaN) };
  }

  /**
   * The steps on the page that belong to a step's sequence, in their order; a step that does not go
   * through time is alone.
   * @param {number} step
   * @returns {number[]} indices of steps
   */
  roundsOf(step) {
    const { sequence } = this.steps[step];
    if (sequence === undefined) return [step];
    const found = [];
    for (let k = 0; k < this.steps.length; k++)
      if (this.steps[k].sequence === sequence) found.push(k);
    return found;
  }

  /**
   * The numbers of an example in a step.
   * @param {number} step its index
   * @param {number} example
   * @param {number[]} [positions] the chosen position on each grid
   * @returns {View}
   */
  view(step, example, positions = this.middle) {
    const row = this.row(step, example);
    const key = `${step} ${row} ${positions}`;
    if (!this._views.has(key)) {
      if (this._views.size > 24) this._views.clear();
      this._views.set(key, decodeView(this, step, row, positions));
    }
    return this._views.get(key);
  }

  /**
   * The urgency that a synapse's target sent to its source: w · v, or what an interneuron sent. NaN
   * if it sent something else.
   * @param {View} view
   * @param {number} synapse
   */
  urgency(view, synapse) {
    const { sources, targets, elements } = this.network;
    const target = targets[synapse];
    if (view.odd.has(target)) return NaN;
    const sent = elements.sent[synapse];
    if (sent >= 0) return view.all.messages[sent + view.at(sources[synapse])];
    return view.weights[synapse] * view.v[target];
  }

  /**
   * The urgency of a weight: v · x of an example, or the mean that the neuron computed.
   * @param {View} view
   * @param {number} synapse
   */
  want(view, synapse) {
    return view.isMean && view.wants ? view.wants[synapse] : this.wantOf(view, synapse);
  }

  /**
   * The urgency that an example has for a parameter: the sum over the neuron's positions.
   * @param {View} view
   * @param {number} place
   */
  wantOf(view, place) {
    return this.wantsByPosition(view, place).reduce((sum, want) => sum + want, 0);
  }

  /**
   * The urgency that each position has for a parameter: v · x, or v.
   * @param {View} view
   * @param {number} place
   * @returns {Float64Array}
   */
  wantsByPosition(view, place) {
    const { sources, targets, elements } = this.network;
    const k = place - sources.length;
    const target = k < 0 ? targets[place] : k;
    const v = view.all.v.subarray(elements.start[target], elements.start[target + 1]);
    if (k >= 0) return Float64Array.from(v);
    const from = elements.start[sources[place]];
    return Float64Array.from(v, (one, position) => one * view.all.a[from + position]);
  }

  /** The place of a neuron's bias among the parameters: weights come first. @param {number} k */
  biasPlace(k) {
    return this.network.sources.length + k;
  }

  /**
   * A parameter in a step that learns: before, after, the urgency that it learned from, and what
   * the optimizer held of it before.
   * @param {View} view
   * @param {any} info the step
   * @param {number} place among the parameters
   */
  learned(view, info, place) {
    const k = place - this.network.sources.length;
    const [name, at] = /** @type {["weights" | "biases", number]} */ (
      k < 0 ? ["weights", place] : ["biases", k]
    );
    const means = view.batchWants ?? view.wants;
    const nStates = info.update?.name === "Adam" ? 2 : info.update?.momentum ? 1 : 0;
    const state = Array.from({ length: nStates }, (_, part) =>
      info.update.count === 1 ? 0 : Number(view.states[part]?.[place] ?? NaN),
    );
    return {
      parameter: Number(view[name][at]),
      after: Number(view.after[name][at]),
      want: Number(means ? means[place] : this.wantOf(view, place)),
      state,
    };
  }

  /**
   * The urgencies that the examples of a step have for one parameter, in the step's order.
   * @param {number} step
   * @param {number} place among the parameters
   */
  wantsByExample(step, place) {
    return this.steps[step].inputs.map((/** @type {number} */ example) =>
      ({ example, want: this.wantOf(this.view(step, example), place) }),
    );
  }

  /**
   * "dead" or "saturated" if a neuron passes no urgency on for any example, else "". A dead neuron
   * also sends 0.
   * @param {View} view
   * @param {number} k
   */
  stuck(view, k) {
    const { elements } = this.network;
    if (this.network.isInput(k) || this.network.isInterneuron(k) || !(view.flat[k] < 1e-6))
      return "";
    const own = view.all.a.subarray(elements.start[k], elements.start[k + 1]);
    return own.every((/** @type {number} */ a) => a === 0) ? "dead" : "saturated";
  }
}
