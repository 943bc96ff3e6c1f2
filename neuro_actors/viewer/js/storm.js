// A storm, where the log tells of one: letters that were lost and came later, neurons that died and began again.

/** What became of a message: when it was lost, and when the one that came was sent; null if none came. @typedef {{lost: number[], came: number | null}} Fate */
/** @typedef {{k: number, place: string, time: number, wave: number}} Death k is n for the loss */
/** @typedef {"inputs" | "forward" | "to_loss" | "to_environment" | "backward" | "loss_to_outputs"} Block */

const HEARING = ["before receive", "after receive", "before fire"];
const SPEAKING = ["between activations", "at the deadline", "between repeats"];

/** What befell one step. */
export class Storm {
  /** @param {any} raw of the step; undefined if nothing befell it @param {import("./data.js").Network} network
   *  @param {import("./waves.js").Waves} waves */
  constructor(raw, network, waves) {
    /** how many frames were lost, all in all */
    this.lost = raw?.lost ?? 0;
    this._fates = new Map();
    for (const block of ["inputs", "forward", "to_loss", "to_environment", "backward", "loss_to_outputs"]) {
      for (const [which, lost, came] of raw?.[block] ?? []) this._fates.set(`${block} ${which}`, { lost, came });
    }
    /** @type {Death[]} */
    this.deaths = (raw?.died ?? []).map((/** @type {[number, string, number]} */ [k, place, time]) => ({ k, place, time, wave: deathWave(network, waves, k, place) }));
  }

  /** @param {Block} block @param {number} which @returns {Fate | undefined} undefined if it came at once */
  fate(block, which) {
    return this._fates.get(`${block} ${which}`);
  }

  /** Fates of several messages that are drawn as one. @param {Block} block @param {number[]} which @returns {Fate | undefined} */
  joined(block, which) {
    const fates = which.map((one) => this.fate(block, one)).filter((fate) => fate !== undefined);
    return fates.length ? { lost: fates.flatMap((fate) => fate.lost), came: Math.max(...fates.map((fate) => fate.came ?? 0)) } : undefined;
  }

  /** How many messages of a wave were lost on their way, and who died in it. @param {import("./waves.js").Waves} waves @param {number} wave
   *  @param {import("./data.js").Network} network */
  in(waves, wave, network) {
    const rows = network.outputs.map((_, row) => row);
    /** @type {[Block, number[]][]} */
    const travel = [["forward", waves.forward[wave] ?? []], ["backward", waves.backward[wave] ?? []]];
    if (wave === 0) travel.push(["inputs", network.inputs]);
    if (waves.blame < 0) travel.push(["to_environment", rows.filter((row) => waves.says[network.outputs[row]] === wave)]);
    else travel.push(["to_loss", rows.filter((row) => waves.says[network.outputs[row]] === wave)]);
    if (wave === waves.blame) travel.push(["loss_to_outputs", rows]);
    const lost = travel.reduce((sum, [block, which]) => sum + which.filter((one) => this.fate(block, one)).length, 0);
    return { lost, deaths: this.deaths.filter((death) => death.wave === wave) };
  }
}

/** The wave in which somebody was at a place. @param {import("./data.js").Network} network @param {import("./waves.js").Waves} waves
 *  @param {number} k @param {string} place */
export function deathWave(network, waves, k, place) {
  const last = waves.count - 1;
  if (k >= network.n) return Math.min(last, HEARING.includes(place) ? waves.judge : waves.blame < 0 ? last : waves.blame);
  if (HEARING.includes(place)) return Math.max(0, waves.says[k] - 1);
  if (SPEAKING.includes(place)) return Math.min(last, waves.says[k]);
  if (waves.urged[k] < 0) return last;
  return Math.min(last, place === "before respond" ? waves.urged[k] : waves.urged[k] + 1);
}

/** A wave's storm in a sentence; nothing if the weather was fine. @param {import("./words.js").Say} say @param {Storm} storm
 *  @param {import("./waves.js").Waves} waves @param {number} wave @param {import("./data.js").Network} network */
export function inWords(say, storm, waves, wave, network) {
  const { lost, deaths } = storm.in(waves, wave, network);
  const parts = [];
  if (lost) parts.push(say(lost === 1 ? "stormOne" : "stormLost", { n: lost }));
  const names = [...new Set(deaths.map((death) => (death.k < network.n ? network.ids[death.k] : say("lossSays"))))];
  if (names.length) parts.push(say(names.length === 1 ? "stormDies" : "stormDie", { name: names[0], n: names.length }));
  return parts.join(" · ");
}
