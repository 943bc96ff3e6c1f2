// The data of the run; arrays are decoded when they are needed.

/** @param {string} text base64 @returns {Uint8Array} */
function bytes(text) {
  const native = /** @type {any} */ (Uint8Array).fromBase64; // where the browser is new enough
  if (native) return native.call(Uint8Array, text);
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k);
  return out;
}

/**
 * The exponent before an array's base64, as in "40:…": its numbers are to be multiplied by a power
 * of two. Without one it is 0.
 * @param {string} text
 * @returns {[number, string]} the exponent and the base64
 */
function parted(text) {
  const end = text.slice(0, 8).indexOf(":"); // base64 contains no colon
  return end < 0 ? [0, text] : [Number(text.slice(0, end)), text.slice(end + 1)];
}

/**
 * @param {string} text
 * @param {number} item the bytes of one number
 * @returns {Float64Array | Float32Array}
 */
export function floats(text, item) {
  const [exponent, base64] = parted(text);
  const raw = bytes(base64);
  const numbers = item === 8 ? new Float64Array(raw.buffer) : new Float32Array(raw.buffer);
  return exponent ? Float64Array.from(numbers, (x) => x * 2 ** exponent) : numbers;
}

/** @param {string} text @returns {Int32Array} */
export function whole(text) {
  return new Int32Array(bytes(text).buffer);
}

/**
 * Read one number without decoding the rest.
 * @param {string} text
 * @param {number} item
 * @param {number} place
 */
export function floatAt(text, item, place) {
  const [exponent, base64] = parted(text);
  const first = Math.floor((place * item) / 3);
  const raw = atob(base64.slice(first * 4, (Math.floor((place * item + item - 1) / 3) + 1) * 4));
  const view = new DataView(new ArrayBuffer(item));
  for (let k = 0; k < item; k++) view.setUint8(k, raw.charCodeAt(place * item - first * 3 + k));
  return (item === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true)) * 2 ** exponent;
}

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
 *   wants: any}} View
 */

export class Run {
  /** @param {any} raw */
  constructor(raw) {
    this.raw = raw;
    this.network = new Network(raw.network);
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
   * The row of an example; -1 is the mean. A batch of one example is its own mean.
   * @param {number} step
   * @param {number} example
   */
  row(step, example) {
    const { batch, examples } = this.steps[step];
    if (batch === 1) return 0;
    return example < 0 || example >= examples ? examples : example;
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
      wants: info.arrays.wants ? floats(info.arrays.wants, this.item) : null,
    };
  }

  /**
   * The urgency that a synapse's target sent to its source: w · v.
   * @param {View} view
   * @param {number} synapse
   */
  urgency(view, synapse) {
    return view.weights[synapse] * view.v[this.network.targets[synapse]];
  }

  /**
   * The urgency of a weight: v · x of an example, or the mean that the neuron computed.
   * @param {View} view
   * @param {number} synapse
   */
  want(view, synapse) {
    if (view.isMean && view.wants) return view.wants[synapse];
    return view.v[this.network.targets[synapse]] * view.a[this.network.sources[synapse]];
  }

  /**
   * A synapse over all steps: its weight before the step, its activation, its urgency.
   * @param {number} synapse
   * @param {number} example
   */
  synapseHistory(synapse, example) {
    const { sources, targets, n } = this.network;
    return this.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
      const at = this.row(step, example) * n;
      const weight = floatAt(this.raw.versions[info.before].weights, this.item, synapse);
      const v = floatAt(info.arrays.signal_urgencies, this.item, at + targets[synapse]);
      const activation = floatAt(info.arrays.activations, this.item, at + sources[synapse]);
      return { number: info.number, weight, activation, urgency: weight * v };
    });
  }

  /** A neuron over all steps. @param {number} k @param {number} example */
  neuronHistory(k, example) {
    return this.steps.map((/** @type {any} */ info, /** @type {number} */ step) => {
      const at = this.row(step, example) * this.network.n + k;
      const read = (/** @type {string} */ name) => floatAt(info.arrays[name], this.item, at);
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
