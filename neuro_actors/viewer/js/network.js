// The society: its neurons and synapses.

import { Elements, offsets } from "./elements.js";
import { whole } from "./packed.js";

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
    this.elements = new Elements(raw, this.sources, this.targets);
    /** where the numbers of each output begin in a row of targets */
    this.outputStart = offsets(
      this.outputs.length,
      (row) => this.elements.positions(this.outputs[row]),
    );
  }

  /** @param {number} k */
  isInput(k) {
    return this.activations[k] === null;
  }

  /** @param {number} k */
  isInterneuron(k) {
    return this.elements.combinations[k] !== null;
  }

  /** What a neuron computes: its activation function, or its combination. @param {number} k */
  kindOf(k) {
    return this.elements.combinations[k] ?? this.activations[k] ?? "";
  }

  /** How many positions a neuron lives at. @param {number} k */
  positions(k) {
    return this.elements.positions(k);
  }

  /** The shape of the grid at which a neuron lives. @param {number} k @returns {number[]} */
  gridOf(k) {
    return this.elements.grids[this.elements.grid[k]];
  }

  /**
   * A neuron's receptive field.
   * @param {number} k
   * @returns {import("./elements.js").Field | null}
   */
  fieldOf(k) {
    return this.elements.fields[this.elements.field[k]] ?? null;
  }

  /** Whether no optimizer moves a parameter. @param {number} place among the parameters */
  isFrozen(place) {
    const k = place - this.sources.length;
    const { frozenWeights, frozenBiases } = this.elements;
    return k < 0 ? frozenWeights.has(place) : frozenBiases.has(k);
  }
}
