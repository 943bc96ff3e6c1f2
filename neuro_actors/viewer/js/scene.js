// One moment, ready to be drawn: the run, the step's numbers, the time within the step, what is
// lit.

import { receptiveField } from "./receptive_field.js";

/**
 * @typedef {{step: number, t: number, example: number, follow: boolean, playing: boolean, speed:
 *   number, pace: "waves" | "steps", chosen: import("./focus.js").Thing | null, hover:
 *   import("./focus.js").Thing | null, why: boolean, shape: "auto" | "nodes" | "population",
 *   language: string, theme: "system" | "light" | "dark", all: Set<string>, workers: boolean,
 *   zoom: import("./zoom.js").Zoom, talk: number | null, absent: {asked: number, step: number} |
 *   null, languageAsked: boolean, positions: number[], maps: "activations" |
 *   "urgencies"}} State `talk`: the sentence of the talk;
 *   `absent`: a step that the address asked for and that the page does not have, and the one that
 *   it shows instead; `positions`: the chosen position on each grid
 */

export class Scene {
  /**
   * @param {{run: import("./data.js").Run, layout: import("./layout.js").Layout, waves:
   *   import("./waves.js").Waves, state: State, colours: import("./colours.js").Palette, lit:
   *   import("./focus.js").Lit | null, say: import("./words.js").Say, moving: boolean, reason:
   *   import("./why.js").Reason | null, faults: import("./faults.js").StepFaults, placement:
   *   import("./placement.js").Placement | null, cache: Map<string, any>, corner: {x: number, y:
   *   number}}} parts
   */
  constructor(parts) {
    this.run = parts.run;
    this.network = parts.run.network;
    this.layout = parts.layout;
    this.waves = parts.waves;
    this.state = parts.state;
    this.colours = parts.colours;
    this.lit = parts.lit;
    this.say = parts.say;
    this.moving = parts.moving;
    this.reason = parts.reason;
    this.view = parts.run.view(parts.state.step, parts.state.example, parts.state.positions);
    /** the positions of the sources that the chosen neuron hears at the chosen one */
    this.reached = reached(parts.run.network, parts.state.chosen, this.view);
    for (const k of this.reached?.keys() ?? []) this.lit?.neurons.add(k);
    this.info = parts.run.steps[parts.state.step];
    this.scales = parts.run.raw.scales;
    this.t = parts.state.t;
    this.faults = parts.faults;
    this.placement = parts.placement;
    /** whether the stage shows the workers */
    this.mapped = parts.placement !== null && parts.state.workers;
    /** where the stage begins in the layout: the society may be larger than the stage */
    this.corner = parts.corner;
    this._cache = parts.cache;
  }

  /**
   * The numbers of a neuron at all its positions.
   * @param {number} k
   * @param {"activations" | "urgencies"} name
   */
  map(k, name) {
    const { all } = this.view;
    const { start } = this.network.elements;
    return (name === "activations" ? all.a : all.u).subarray(start[k], start[k + 1]);
  }

  /** Whether the neurons have changed their weights at this moment. */
  learned() {
    return this.waves.learn >= 0 && this.t >= this.waves.learn + 0.5;
  }

  weights() {
    return this.learned() ? this.view.after.weights : this.view.weights;
  }

  /**
   * Make something once for each step, example and palette.
   * @template T
   * @param {string} key
   * @param {() => T} make
   * @returns {T}
   */
  cached(key, make) {
    const { step, example, positions } = this.state;
    const full = `${step} ${example} ${positions} ${this.colours.paper} ${key}`;
    if (!this._cache.has(full)) {
      if (this._cache.size > 600) this._cache.clear();
      this._cache.set(full, make());
    }
    return this._cache.get(full);
  }

  /** The pixel that an input is. @returns {Map<number, number>} */
  pixelOf() {
    return this.cached("pixels", () => new Map(this.network.inputs.map((k, pixel) => [k, pixel])));
  }
}

/**
 * The receptive field of the chosen neuron; null if none is chosen, or all live at one position.
 * @param {import("./network.js").Network} network
 * @param {import("./focus.js").Thing | null} chosen
 * @param {import("./data.js").View} view
 */
function reached(network, chosen, view) {
  if (chosen?.kind !== "neuron" || network.elements.isPlain) return null;
  return receptiveField(network, chosen.k, view.at(chosen.k));
}
