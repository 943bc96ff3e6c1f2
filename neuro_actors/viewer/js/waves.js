// When messages travel within a step: their logical times, as waves that the page plays one after
// the other.

/**
 * @typedef {"inputs" | "forward" | "to_environment" | "to_loss" | "loss_to_outputs" | "backward" |
 *   "learn"} Phase
 */

/** The wave that is running or has just ended. @param {number} t */
export function currentWave(t) {
  return Math.max(0, Math.ceil(t - 1e-9) - 1);
}

/**
 * The waves of a step. In wave 0 the environment sends the inputs. Then each level sends its
 * activations, and the outputs send theirs to the loss. The loss sends urgencies. Each neuron sends
 * urgencies when it has received those of all its followers. In the last wave the neurons learn.
 */
export class Waves {
  /**
   * @param {import("./network.js").Network} network
   * @param {{mode: string, wrtInputs: boolean}} step
   */
  constructor(network, step) {
    const { n, level, sources, targets } = network;
    const hasLoss = step.mode !== "predict";
    const top = Math.max(...network.outputs.map((k) => level[k]));
    /** the wave in which each neuron's activation travels */
    this.sends = level.map((value) => value + 1);
    /** the wave at whose end each neuron has received all its urgencies; -1: it receives none */
    this.urged = new Int32Array(n).fill(-1);
    this.toLoss = top + 1;
    this.fromLoss = hasLoss ? top + 2 : -1;
    this.last = top + 1;
    if (hasLoss) {
      network.outputs.forEach((k) => (this.urged[k] = this.fromLoss));
      const byLevel = Array.from({ length: n }, (_, k) => k).sort((a, b) => level[b] - level[a]);
      for (const k of byLevel) {
        if (network.isInput(k) && !step.wrtInputs) {
          this.urged[k] = -1;
          continue;
        }
        // if the page does not contain the synapses, the levels send one after another
        if (network.nSynapses > sources.length)
          this.urged[k] = Math.max(this.urged[k], this.fromLoss + top - level[k]);
        for (const synapse of network.outgoing(k))
          this.urged[k] = Math.max(this.urged[k], this.urged[targets[synapse]] + 1);
      }
      this.last = Math.max(
        this.fromLoss,
        this.urged.reduce((most, wave) => Math.max(most, wave), 0),
      );
    }
    this.learn = step.mode === "train" ? ++this.last : -1;
    this.count = this.last + 1;
    /** the synapses with a message in each wave */
    this.forward = Array.from({ length: this.count }, () => /** @type {number[]} */ ([]));
    this.backward = Array.from({ length: this.count }, () => /** @type {number[]} */ ([]));
    for (let synapse = 0; synapse < sources.length; synapse++) {
      this.forward[this.sends[sources[synapse]]]?.push(synapse);
      if (hasLoss && this.urged[sources[synapse]] >= 0)
        this.backward[this.urged[targets[synapse]] + 1].push(synapse);
    }
  }

  /** @param {number} wave @returns {Phase} */
  phase(wave) {
    if (wave === 0) return "inputs";
    if (wave === this.learn) return "learn";
    if (wave === this.fromLoss) return "loss_to_outputs";
    if (wave === this.toLoss) return this.fromLoss < 0 ? "to_environment" : "to_loss";
    return this.fromLoss < 0 || wave < this.toLoss ? "forward" : "backward";
  }

  /** The phases of the step. @returns {{phase: Phase, start: number, end: number}[]} */
  phases() {
    /** @type {{phase: Phase, start: number, end: number}[]} */
    const found = [];
    for (let wave = 0; wave < this.count; wave++) {
      const phase = this.phase(wave);
      if (found.length && found[found.length - 1].phase === phase)
        found[found.length - 1].end = wave + 1;
      else found.push({ phase, start: wave, end: wave + 1 });
    }
    return found;
  }

  /** Whether a neuron has its activation at time t. @param {number} k @param {number} t */
  hasFired(k, t) {
    return t >= this.sends[k];
  }

  /** @param {number} k @param {number} t */
  isUrged(k, t) {
    return this.urged[k] >= 0 && t >= this.urged[k] + 1;
  }
}
