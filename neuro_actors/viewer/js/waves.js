// When who speaks within a step: the logical time of messages, as waves that the page plays one after the other.

/** @typedef {"world" | "forward" | "show" | "judge" | "blame" | "backward" | "learn"} Phase */

/** The wave that is under way, or has just ended. @param {number} t */
export function present(t) {
  return Math.max(0, Math.ceil(t - 1e-9) - 1);
}

/**
 * A step's timetable. Wave 0: the world tells the inputs. Then level after level speaks; the outputs speak to the loss;
 * the loss answers; urgencies come back, each neuron speaking once it has heard all of its followers; the neurons learn.
 */
export class Waves {
  /** @param {import("./data.js").Network} network @param {{mode: string, wrtInputs: boolean}} step */
  constructor(network, step) {
    const { n, level, sources, targets } = network;
    const judged = step.mode !== "predict";
    const top = Math.max(...network.outputs.map((k) => level[k]));
    /** the wave in which an activation travels, by source: the one after it was heard */
    this.says = level.map((value) => value + 1);
    /** the wave at whose end a neuron has heard all urgencies; -1: it never does */
    this.urged = new Int32Array(n).fill(-1);
    this.judge = top + 1;
    this.blame = judged ? top + 2 : -1;
    this.last = top + 1;
    if (judged) {
      network.outputs.forEach((k) => (this.urged[k] = this.blame));
      const byLevel = Array.from({ length: n }, (_, k) => k).sort((a, b) => level[b] - level[a]);
      for (const k of byLevel) {
        if (network.isInput(k) && !step.wrtInputs) {
          this.urged[k] = -1;
          continue;
        }
        // where the page could not carry the synapses, levels answer one after another
        if (network.nSynapses > sources.length) this.urged[k] = Math.max(this.urged[k], this.blame + top - level[k]);
        for (const synapse of network.outgoing(k)) this.urged[k] = Math.max(this.urged[k], this.urged[targets[synapse]] + 1);
      }
      this.last = Math.max(this.blame, this.urged.reduce((most, wave) => Math.max(most, wave), 0));
    }
    this.learn = step.mode === "train" ? ++this.last : -1;
    this.count = this.last + 1;
    /** synapses by the wave in which something travels along them */
    this.forward = Array.from({ length: this.count }, () => /** @type {number[]} */ ([]));
    this.backward = Array.from({ length: this.count }, () => /** @type {number[]} */ ([]));
    for (let synapse = 0; synapse < sources.length; synapse++) {
      this.forward[this.says[sources[synapse]]]?.push(synapse);
      if (judged && this.urged[sources[synapse]] >= 0) this.backward[this.urged[targets[synapse]] + 1].push(synapse);
    }
  }

  /** @param {number} wave @returns {Phase} */
  phase(wave) {
    if (wave === 0) return "world";
    if (wave === this.learn) return "learn";
    if (wave === this.blame) return "blame";
    if (wave === this.judge) return this.blame < 0 ? "show" : "judge";
    return this.blame < 0 || wave < this.judge ? "forward" : "backward";
  }

  /** Where phases begin. @returns {{phase: Phase, start: number, end: number}[]} */
  phases() {
    /** @type {{phase: Phase, start: number, end: number}[]} */
    const found = [];
    for (let wave = 0; wave < this.count; wave++) {
      const phase = this.phase(wave);
      if (found.length && found[found.length - 1].phase === phase) found[found.length - 1].end = wave + 1;
      else found.push({ phase, start: wave, end: wave + 1 });
    }
    return found;
  }

  /** Whether at time t a neuron has its activation. @param {number} k @param {number} t */
  hasFired(k, t) {
    return t >= this.says[k];
  }

  /** @param {number} k @param {number} t */
  isUrged(k, t) {
    return this.urged[k] >= 0 && t >= this.urged[k] + 1;
  }
}
