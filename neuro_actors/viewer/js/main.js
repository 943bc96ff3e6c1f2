// The page: its state, and what buttons, keys and pointer do to it.

import { palette } from "./colours.js";
import { Controls } from "./controls.js";
import { Run } from "./data.js";
import { byId } from "./dom.js";
import { findLit } from "./focus.js";
import { onKeys } from "./keys.js";
import { layout } from "./layout.js";
import { Placement } from "./placement.js";
import { style } from "./numbers.js";
import { Panel } from "./panel.js";
import { keepPlace } from "./place.js";
import { Player } from "./player.js";
import { onPointer } from "./pointer.js";
import { Presenter } from "./presenter.js";
import { Scene } from "./scene.js";
import { Stage } from "./stage.js";
import { describeFaults, StepFaults } from "./faults.js";
import { TickStrip } from "./tick_strip.js";
import { Timeline } from "./timeline.js";
import { Tip } from "./tip.js";
import { currentWave, Waves } from "./waves.js";
import { reason } from "./why.js";
import { describeMoment, translator } from "./words.js";
import { corner, WHOLE, zoomAt } from "./zoom.js";

const HALF = 0.5;

class App {
  /** @param {any} raw */
  constructor(raw) {
    this.run = new Run(raw);
    this.placement = raw.placement ? new Placement(raw.placement, this.run.network) : null;
    /** @type {import("./scene.js").State} */
    this.state = {
      step: 0, t: 0, example: 0, follow: false, playing: false, speed: 1, pace: "waves",
      chosen: null, hover: null,
      why: false, shape: "auto",
      language: (navigator.language || "en").toLowerCase().startsWith("fr")
        ? "fr"
        : "en", theme: "system", all: new Set(),
      workers: true, zoom: WHOLE, talk: null, absent: null, languageAsked: false,
      positions: this.run.middle, maps: "activations",
    };
    /** @type {import("./colours.js").Palette} */
    this.colours = palette(document.documentElement);
    /** @type {{x: number, y: number} | undefined} */
    this.pointer = undefined;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.stage = new Stage(byId("below"), byId("above"));
    this.cache = new Map();
    this._waves = new Map();
    this._faults = { step: -1, faults: /** @type {any} */ (null) };
    this._layout = "";
    this.player = new Player(this);
    this.panel = new Panel(byId("panel"), {
      choose: (thing) => this.choose(thing),
      hover: (thing) => this.set({ hover: thing }),
      toggleWhy: () => this.set({ why: !this.state.why }),
      toggleAll: (key) => {
        const all = new Set(this.state.all);
        if (!all.delete(key)) all.add(key);
        this.set({ all });
      },
      follow: (example) => this.set({ example, follow: true }),
      goStep: (step) => this.goStep(step),
      choosePosition: (k, position) => this.choosePosition(k, position),
    });
    this.timeline = new Timeline(
      this.run,
      { goStep: (step) => this.goStep(step), goTime: (t) => this.goTime(t) },
    );
    this.ticks = new TickStrip(this.run, { goStep: (step) => this.goStep(step) });
    this.controls = new Controls(this);
    this.tip = new Tip(byId("tip"));
    this.state.example = this._firstExample();
    this.restyle();
    this.presenter = new Presenter(this);
    onKeys(this);
    onPointer(this);
    new ResizeObserver(() => this.redraw()).observe(byId("above"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
    this._keepPlace = keepPlace(this);
    this.draw();
  }

  /** The example to begin with: the first that is not 0 in all inputs, where weights want 0. */
  _firstExample() {
    const { inputs } = this.run.steps[0];
    const some = inputs.find((/** @type {number} */ example) =>
      this.run.exampleValues(example).x.some((/** @type {number} */ value) => value !== 0),
    );
    return some ?? inputs[0];
  }

  /** Show an example of this step, if none is followed. */
  settle() {
    const { state, run } = this;
    if (!state.follow && !run.has(state.step, state.example))
      [state.example] = run.steps[state.step].inputs;
  }

  /** The waves of the present step. */
  waves() {
    const info = this.run.steps[this.state.step];
    const key = `${info.mode} ${info.wrtInputs}`;
    if (!this._waves.has(key)) this._waves.set(key, new Waves(this.run.network, info));
    return /** @type {Waves} */ (this._waves.get(key));
  }

  /** The faults of the present step. @returns {StepFaults} */
  faults() {
    const { step } = this.state;
    if (this._faults.step !== step)
      this._faults = {
        step,
        faults: new StepFaults(this.run.steps[step].faults, this.run.network, this.waves()),
      };
    return this._faults.faults;
  }

  /** @param {Partial<import("./scene.js").State>} change */
  set(change) {
    Object.assign(this.state, change);
    this.redraw();
  }

  /**
   * Choose a neuron, a synapse, the loss, or nothing.
   * @param {import("./focus.js").Thing | null} thing
   */
  choose(thing) {
    this.set({
      chosen: thing,
      hover: null,
      why: thing?.kind === "neuron" && this.state.why && this.state.chosen?.kind === "neuron",
    });
  }

  /**
   * Choose a position of a neuron, and with it that of all neurons on the same grid.
   * @param {number} k
   * @param {number} position counted through the grid
   */
  choosePosition(k, position) {
    const { elements } = this.run.network;
    this.set({ positions: this.state.positions.with(elements.grid[k], position) });
  }

  /** Show the other maps in the nodes: of urgencies, or of activations. */
  toggleMaps() {
    if (this.run.network.elements.isPlain) return;
    this.set({ maps: this.state.maps === "urgencies" ? "activations" : "urgencies" });
  }

  /** @param {number} step @param {number} [t] */
  goStep(step, t) {
    const last = this.waves().count;
    const wasAtEnd = this.state.t >= last;
    this.state.step = Math.max(0, Math.min(this.run.steps.length - 1, step));
    this.state.t = t ?? (
      wasAtEnd ? this.waves().count : Math.min(this.state.t, this.waves().count)
    );
    this.redraw();
  }

  /** @param {number} t */
  goTime(t) {
    this.player.pause();
    this.set({ t: Math.max(0, Math.min(this.waves().count, t)) });
  }

  /**
   * Go one wave forward or back, to the moment when its messages are half way. It may enter
   * another step.
   * @param {number} by
   */
  goWave(by) {
    const { step } = this.state;
    const t = this.player.aim ?? this.state.t;
    const { count } = this.waves();
    const rests = Array.from({ length: count + 1 }, (_, wave) => Math.min(wave + HALF, count));
    const next = by > 0
      ? rests.find((rest) => rest > t + 1e-9)
      : [...rests].reverse().find((rest) => rest < t - 1e-9);
    if (next !== undefined) this.player.glide(next);
    else if (by > 0 && step < this.run.steps.length - 1) {
      this.goStep(step + 1, 0);
      this.player.glide(HALF);
    } else if (by < 0 && step > 0) {
      this.goStep(step - 1);
      this.goTime(this.waves().count);
    }
  }

  /** @param {number} by */
  goPhase(by) {
    const starts = [...this.waves().phases().map((phase) => phase.start), this.waves().count];
    const { t, step } = this.state;
    const next = by > 0
      ? starts.find((start) => start > t + 1e-9)
      : [...starts].reverse().find((start) => start < t - 1e-9);
    this.player.pause();
    if (next !== undefined) this.goTime(next);
    else this.goStep(step + by, by > 0 ? 0 : undefined);
  }

  /** What the page's address keeps. */
  place() {
    return { ...this.state, digits: style.digits };
  }

  /** Go to a place. @param {import("./place.js").Place} place */
  go({ digits, theme, talk, ...rest }) {
    this.player.pause();
    style.digits = digits;
    Object.assign(this.state, rest, { theme, talk: null });
    this.state.t = Math.min(this.state.t, this.waves().count);
    this.restyle();
    if (talk !== null) this.presenter.show(talk);
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => {}); // a frame may forbid it
  }

  /** Where the stage begins in the layout. */
  corner() {
    return corner(this.state.zoom, this.stage.width, this.stage.height);
  }

  /**
   * Zoom in or out around a point of the stage, or around its middle.
   * @param {number} factor
   * @param {{x: number, y: number}} [at]
   */
  zoomBy(factor, at) {
    const { width, height } = this.stage;
    const point = at ?? { x: width / 2, y: height / 2 };
    this.set({ zoom: zoomAt(this.state.zoom, factor, { ...point, width, height }) });
  }

  /** Read the colours again, after the theme has changed. */
  restyle() {
    document.documentElement.dataset.theme = this.state.theme;
    this.colours = palette(document.documentElement);
    this.cache.clear();
    this.redraw();
  }

  redraw() {
    if (this._asked) return;
    this._asked = requestAnimationFrame(() => {
      this._asked = 0;
      this.draw();
    });
  }

  /** The present moment, ready to be drawn. */
  scene() {
    const { state, run, stage } = this;
    // until an example is chosen, a step without the present one shows one of its own
    this.settle();
    const textScale = Math.max(
      1,
      parseFloat(getComputedStyle(document.documentElement).fontSize) / 16,
    );
    const { by } = state.zoom;
    const key = `${stage.width} ${stage.height} ${state.shape} ${textScale} ${by}`;
    if (key !== this._layout) {
      this.layout = layout(run, stage.width, stage.height, state.shape, textScale, by);
      this._layout = key;
      this.cache.clear();
    }
    const view = run.view(state.step, state.example, state.positions);
    const why = state.why && state.chosen?.kind === "neuron"
      ? reason(run, view, state.chosen.k)
      : null;
    return new Scene({
      run, state, colours: this.colours, layout: /** @type {any} */ (this.layout),
      waves: this.waves(), faults: this.faults(), placement: this.placement, reason: why,
      cache: this.cache, corner: this.corner(),
      lit: findLit(
        run.network,
        state.chosen,
        state.hover,
        why,
      ), say: translator(state.language), moving: state.playing && !this.calm.matches,
    });
  }

  draw() {
    this.stage.resize();
    const scene = this.scene();
    [style.mark, style.apart] = this.state.language === "fr" ? [",", "\u202f"] : [".", ","];
    const now = describeMoment(scene.say, scene.waves, scene.t);
    const faults = scene.t < scene.waves.count
      ? describeFaults(scene.say, scene.faults, scene.waves, currentWave(scene.t), this.run.network)
      : "";
    this.stage.draw(scene);
    this.panel.show(scene, String(style.digits));
    this.timeline.show(scene, now);
    this.ticks.show(scene);
    this.controls.show(scene, { ...now, faults });
    this.tip.show(scene, this.pointer);
    this.presenter.draw(scene);
    this.drawn = scene;
    this.moment = now;
    this._keepPlace?.();
  }
}

const started = performance.now();
const app = new App(JSON.parse(byId("run").textContent));
document.documentElement.dataset.started = String(Math.round(performance.now() - started));
/** for tests, and for the browser's console */
/** @type {any} */ (window).neuroActors = app;
