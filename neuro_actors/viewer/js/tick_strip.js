// Time as a strip below the steps: the ticks of the present sequence, forward above and back below,
// with the chosen neuron's number and the loss at each. One drags along it, or uses the arrow keys.

import { css, fill, mix, on } from "./colours.js";
import { byId, el } from "./dom.js";
import { readAt } from "./histories.js";
import { FONT } from "./labels.js";
import { short, shown } from "./numbers.js";
import { floatAt } from "./packed.js";
import { findSequences, samePlace } from "./ticks.js";

const [NUMBERS_ROW, TICK_ROW, LOSS_ROW] = [16, 22, 22]; // heights in pixels
const LAST_TICK = 8; // half of the width of its number
const [GAP, WIDE_CELL, LEAST_TICK] = [2, 40, 16]; // a cell that has room for a number, for its tick

export class TickStrip {
  /**
   * @param {import("./data.js").Run} run
   * @param {{goStep: (step: number) => void}} acts
   */
  constructor(run, acts) {
    this.run = run;
    this.acts = acts;
    this.sequences = findSequences(run.steps);
    this.is = this.sequences.some((one) => one !== null);
    this.canvas = byId("ticks");
    this.step = 0;
    this._named = "";
    if (!this.is) return;
    const scrub = (/** @type {PointerEvent} */ event) => {
      const step = this._under(event);
      if (step >= 0 && step !== this.step) acts.goStep(step);
    };
    this.canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this.canvas.setPointerCapture(event.pointerId);
      scrub(event);
    });
    this.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.buttons) scrub(event);
    });
    this.canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const order = this._here()?.order ?? [];
      const at = order.indexOf(this.step);
      /** @type {Record<string, number>} */
      const ways = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1 };
      if (ways[event.key] === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const step = order[ways[event.key]];
      if (step !== undefined) acts.goStep(step);
    });
  }

  /** Go to the next or previous sequence. @param {number} by */
  goSequence(by) {
    if (this.is) this.acts.goStep(samePlace(this.sequences, this.step, by));
  }

  _here() {
    return this.sequences[this.step];
  }

  /** The step under the pointer; -1 if the page has none there. */
  _under(/** @type {PointerEvent} */ event) {
    const here = this._here();
    if (!here) return -1;
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left) / (box.width || 1);
    const tick = Math.max(0, Math.min(here.ticks - 1, Math.floor(share * here.ticks)));
    const isBack = event.clientY - box.top > NUMBERS_ROW + TICK_ROW + GAP / 2;
    return (isBack ? here.back : here.forward)[tick];
  }

  /** @param {import("./scene.js").Scene} scene */
  show(scene) {
    const { state, say } = scene;
    this.step = state.step;
    const here = this._here();
    for (const id of ["ticks", "tickNames"]) byId(id).hidden = !here;
    if (!here) return;
    const { tick, back, mean } = this.run.steps[state.step];
    const text = say(back ? "backToTick" : "forwardToTick", { n: tick[0], all: tick[1] });
    const loss = mean === null ? "" : `, ${say("lossAtTick", { loss: shown(mean) })}`;
    /** @type {Record<string, string | number>} */
    const values = {
      "aria-valuemin": 1,
      "aria-valuemax": here.order.length,
      "aria-valuenow": here.order.indexOf(state.step) + 1,
      "aria-valuetext": `${text}${loss}`,
    };
    for (const [name, value] of Object.entries(values))
      this.canvas.setAttribute(name, String(value));
    this._name(scene);
    this._paint(scene, here);
  }

  /** Write what the rows are. @param {import("./scene.js").Scene} scene */
  _name({ state, say }) {
    if (this._named === state.language) return;
    this._named = state.language;
    byId("tickNames").replaceChildren(
      ...["tick", "tickForward", "tickBack", "loss"].map((key) => el("span", { text: say(key) })),
    );
  }

  /** @param {import("./scene.js").Scene} scene @param {import("./ticks.js").Sequence} here */
  _paint(scene, here) {
    const { colours, state, scales } = scene;
    const { canvas } = this;
    const k = state.chosen?.kind === "neuron" ? state.chosen.k : -1;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.max(1, Math.round(wide * ratio));
    canvas.height = Math.max(1, Math.round(tall * ratio));
    const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    [ctx.textAlign, ctx.textBaseline] = ["center", "middle"];
    const cell = wide / here.ticks;
    const losses = here.back.map((step) => this._loss(scene, step));
    const most = Math.max(...losses.filter((loss) => loss === loss), 0);
    const top = NUMBERS_ROW + 2 * TICK_ROW + 2 * GAP;
    for (let tick = 0; tick < here.ticks; tick++) {
      const x = tick * cell;
      if (cell >= LEAST_TICK || tick % 5 === 4)
        write(
          ctx, String(tick + 1), Math.min(x + cell / 2, wide - LAST_TICK), NUMBERS_ROW / 2,
          css(colours.muted), 12,
        );
      /** @type {[number, "activations" | "urgencies", number, number][]} */
      const rows = [
        [here.forward[tick], "activations", scales.activation, NUMBERS_ROW],
        [here.back[tick], "urgencies", scales.urgency, NUMBERS_ROW + TICK_ROW + GAP],
      ];
      for (const [step, name, scale, y] of rows) {
        if (step < 0) continue;
        const value = k < 0
          ? NaN
          : readAt(this.run, step, state.example, name, k, state.positions);
        const ground = value === value ? fill(colours, value, scale) : colours.empty;
        ctx.fillStyle = css(ground);
        ctx.fillRect(x + 1, y, Math.max(1, cell - GAP), TICK_ROW);
        if (value === value && cell >= WIDE_CELL)
          write(ctx, short(value), x + cell / 2, y + TICK_ROW / 2, css(on(colours, ground)), 12.5);
        if (step !== state.step) continue;
        ctx.strokeStyle = css(colours.accent);
        ctx.lineWidth = 2.5;
        ctx.strokeRect(x + 1.5, y + 0.5, Math.max(1, cell - GAP - 1), TICK_ROW - 1);
      }
      const high = most > 0 ? (losses[tick] / most) * (LOSS_ROW - 2) : 0;
      ctx.fillStyle = css(mix(colours.paper, colours.loss, 0.6));
      if (high > 0) ctx.fillRect(x + 1, top + LOSS_ROW - high, Math.max(1, cell - GAP), high);
    }
  }

  /** The loss of the example at the tick to which a step goes back; NaN if there is none. */
  _loss(/** @type {import("./scene.js").Scene} */ scene, /** @type {number} */ step) {
    if (step < 0) return NaN;
    const row = this.run.row(step, scene.state.example);
    return floatAt(this.run.steps[step].arrays.losses, this.run.item, row);
  }
}

/** Write a text in the middle of a place. */
function write(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {string} */ text,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {string} */ colour,
  /** @type {number} */ size,
) {
  ctx.font = `${size}px ${FONT}`;
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}
