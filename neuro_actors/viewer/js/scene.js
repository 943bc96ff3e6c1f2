// One moment, ready to be drawn: the run, the step's numbers, the time within it, what is lit.

import { territories } from "./territories.js";

/**
 * @typedef {{step: number, t: number, example: number, playing: boolean, speed: number, pace: "waves" | "steps",
 *   chosen: import("./focus.js").Thing | null, hover: import("./focus.js").Thing | null, why: boolean,
 *   shape: "auto" | "nodes" | "population", language: string, theme: "system" | "light" | "dark", all: Set<string>,
 *   workers: boolean}} State
 */

export class Scene {
  /** @param {{run: import("./data.js").Run, layout: import("./layout.js").Layout, waves: import("./waves.js").Waves, state: State,
   *  colours: import("./colours.js").Palette, lit: import("./focus.js").Lit | null, say: import("./words.js").Say, moving: boolean,
   *  reason: import("./why.js").Reason | null, storm: import("./storm.js").Storm,
   *  machines: import("./machines.js").Machines | null, cache: Map<string, any>}} parts */
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
    this.view = parts.run.view(parts.state.step, parts.state.example);
    this.info = parts.run.steps[parts.state.step];
    this.scales = parts.run.raw.scales;
    this.t = parts.state.t;
    this.storm = parts.storm;
    this.machines = parts.machines;
    /** whether the stage shows where everybody lives */
    this.mapped = parts.machines !== null && parts.state.workers;
    this._cache = parts.cache;
  }

  /** Whether the neurons have changed their weights by now. */
  learned() {
    return this.waves.learn >= 0 && this.t >= this.waves.learn + 0.5;
  }

  weights() {
    return this.learned() ? this.view.after.weights : this.view.weights;
  }

  /** Made once a step, example and palette. @template T @param {string} key @param {() => T} make @returns {T} */
  cached(key, make) {
    const full = `${this.state.step} ${this.state.example} ${this.colours.paper} ${key}`;
    if (!this._cache.has(full)) {
      if (this._cache.size > 600) this._cache.clear();
      this._cache.set(full, make());
    }
    return this._cache.get(full);
  }

  /** Where whose neurons stand. @returns {import("./territories.js").Territory[]} */
  ground() {
    return this.cached("ground", () => territories(this.layout, this.run, /** @type {import("./machines.js").Machines} */ (this.machines)));
  }

  /** The pixel that an input is. @returns {Map<number, number>} */
  pixelOf() {
    return this.cached("pixels", () => new Map(this.network.inputs.map((k, pixel) => [k, pixel])));
  }
}
