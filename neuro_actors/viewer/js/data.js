// The data of the run; arrays are decoded when they are needed.

import { floatAt, floats, whole } from "./packed.js";

/**
 * Group synapses by one of their ends; each group is in the order of the synapses.
 * @param {Int32Array} ends
 * @param {number} n
 */
function grouped(ends, n) {
  const start = new Int32Array(n + 1);
  for (const end of ends) start[end + 1] += 1;
  for (let k = 0; k < n; k++) start[k + 1] += start[k];
  const next = start.slice(0, n);
  const order = new Int32Array(ends.length);
  ends.forEach((end, synapse) => (order[next[end]++] = synapse));
  return (/** @type {number} */ k) => order.subarray(start[k], start[k + 1]);
}

/** The society: its neurons and synapses. */
export class Network {
  /** @param {any} raw */
  constructor(raw) {
    /** @type {string[]} */
    this.ids = raw.ids;
    /** @type {(string | null)[]} null for an input */
    this.activations = raw.activations;
    /** @type {number[]} */
    this.outputs = raw.outputs;
    this.level = whole(raw.level);
    this.sources = whole(raw.sources);
    this.targets = whole(raw.targets);
    this.n = this.ids.length;
    this.nSynapses = raw.nSynapses;
    this.depth = this.level.reduce((most, level) => Math.max(most, level), 0);
    this.incoming = grouped(this.targets, this.n);
    this.outgoing = grouped(this.sources, this.n);
    this.outputOf = new Map(this.outputs.map((k, row) => [k, row]));
    /** @type {number[][]} neurons by level */
    this.levels = Array.from({ length: this.depth + 1 }, () => []);
    this.ids.forEach((_, k) => this.levels[this.level[k]].push(k));
    this.inputs = this.ids.map((_, k) => k).filter((k) => this.isInput(k));
  }

  /** @param {number} k */
  isInput(k) {
    return this.activations[k] === null;
  }
}

/**
 * The numbers of one example of a step, or of the mean: a, z, u, f'(z), v of each neuron; targets
 * and blame (the loss's urgency) of each output; weights and biases before and after the step.
 * @typedef {{a: any, z: any, u: any, slope: any, v: any, targets: any, blame: any, loss: number,
 *   weights: any, biases: any, after: {weights: any, biases: any}, isMean: boolean, flat: any,
 *   example: number, odd: Set<number>, wants: any, batchWants: any, states: any[]}} View
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
      const { arrays, inputs } = this.steps[step];
      const row = inputs.indexOf(example);
      const { outputs, n } = this.network;
      const a = floats(arrays.activations, this.item);
      const t = floats(arrays.targets, this.item);
      this._examples.set(example, {
        x: this.network.inputs.map((k) => a[row * n + k]),
        t: outputs.map((_, k) => t[row * outputs.length + k]),
      });
    }
    return this._examples.get(example);
  }

  /** @param {number} step its index @param {number} example @returns {View} */
  view(step, example) {
    const row = this.row(step, example);
    const key = `${step} ${row}`;
    if (!this._views.has(key)) {
      if (this._views.size > 24) this._views.clear();
      this._views.set(key, this._decoded(step, row));
    }
    return this._views.get(key);
  }

  /** @param {number} step @param {number} row @returns {View} */
  _decoded(step, row) {
    const info = this.steps[step];
    const of = (/** @type {string} */ name, /** @type {number} */ width, at = row) =>
      floats(info.arrays[name], this.item).subarray(at * width, (at + 1) * width);
    const { n, outputs } = this.network;
    const last = info.batch === 1 ? 0 : info.examples;
    const ofParameters = (/** @type {string} */ name) =>
      info.arrays[name] ? floats(info.arrays[name], this.item) : null;
    return {
      a: of("activations", n),
      z: of("signals", n),
      u: of("urgencies", n),
      slope: of("slopes", n),
      v: of("signal_urgencies", n),
      flat: of("slopes", n, last),
      targets: of("targets", outputs.length),
      blame: of("blame", outputs.length),
      loss: of("losses", 1)[0],
      ...this.version(info.before),
      after: this.version(info.after),
      isMean: info.batch > 1 && row === info.examples,
      example: info.inputs[row] ?? -1,
      odd: new Set(info.odd),
      wants: ofParameters("wants"),
      batchWants: ofParameters("batch_wants"),
      states: ["state0", "state1"].map(ofParameters).filter((array) => array !== null),
    };
  }

  /**
   * The urgency that a synapse's target sent to its source: w · v. NaN if it sent something else.
   * @param {View} view
   * @param {number} synapse
   */
  urgency(view, synapse) {
    const target = this.network.targets[synapse];
    return view.odd.has(target) ? NaN : view.weights[synapse] * view.v[target];
  }

  /**
   * The urgency of a weight: v · x of an example, or the mean that the neuron computed.
   * @param {View} view
   * @param {number} synapse
   */
  want(view, synapse) {
    return view.isMean && view.wants ? view.wants[synapse] : this.wantOf(view, synapse);
  }

  /** The urgency that an example has for a parameter. @param {View} view @param {number} place */
  wantOf(view, place) {
    const { sources, targets } = this.network;
    if (place >= sources.length) return view.v[place - sources.length];
    return view.v[targets[place]] * view.a[sources[place]];
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
    const { inputs, arrays } = this.steps[step];
    const { sources, targets, n } = this.network;
    const k = place - sources.length;
    return inputs.map((/** @type {number} */ example, /** @type {number} */ row) => {
      const read = (/** @type {string} */ name, /** @type {number} */ neuron) =>
        floatAt(arrays[name], this.item, row * n + neuron);
      const v = read("signal_urgencies", k < 0 ? targets[place] : k);
      return { example, want: k < 0 ? v * read("activations", sources[place]) : v };
    });
  }

  /**
   * A synapse over all steps: its weight before the step, its activation, its urgency; NaN in a
   * step without the example.
   * @param {number} synapse
   * @param {number} example
   */
  synapseHistory(synapse, example) {
    const { sources, targets, n } = this.network;
    return this.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
      const at = this.row(step, example) * n;
      const has = this.has(step, example);
      const weight = floatAt(this.raw.versions[info.before].weights, this.item, synapse);
      const read = (/** @type {string} */ name, /** @type {number} */ k) =>
        has ? floatAt(info.arrays[name], this.item, at + k) : NaN;
      const odd = info.odd.includes(targets[synapse]);
      return {
        number: info.number,
        weight,
        activation: read("activations", sources[synapse]),
        urgency: odd ? NaN : weight * read("signal_urgencies", targets[synapse]),
      };
    });
  }

  /**
   * A neuron over all steps; NaN in a step without the example.
   * @param {number} k
   * @param {number} example
   */
  neuronHistory(k, example) {
    return this.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
      const at = this.row(step, example) * this.network.n + k;
      const read = (/** @type {string} */ name) =>
        this.has(step, example) ? floatAt(info.arrays[name], this.item, at) : NaN;
      return { number: info.number, activation: read("activations"), urgency: read("urgencies") };
    });
  }

  /**
   * "dead" or "saturated" if a neuron passes no urgency on for any example, else "". A dead neuron
   * also sends 0.
   * @param {View} view
   * @param {number} k
   */
  stuck(view, k) {
    if (this.network.isInput(k) || !(view.flat[k] < 1e-6)) return "";
    return view.a[k] === 0 ? "dead" : "saturated";
  }
}
