// The two canvases: synapses below, drawn only when they change; nodes and messages above.

import { css, strength } from "./colours.js";
import { distance, ofSynapse, trace } from "./curve.js";
import { Labels } from "./labels.js";
import { urgencyY } from "./urgency_y.js";
import { drawMessages, travelling } from "./messages.js";
import { drawCrashes } from "./fault_marks.js";
import { writeLevels } from "./levels.js";
import { drawLoss, drawNodes, drawTargets, writeNodes } from "./nodes.js";
import { drawPicture } from "./pictures.js";
import { drawPopulation } from "./population.js";
import { drawCellBorders, drawGates, drawGround, mapOf, writeGround } from "./areas.js";
import { drawPixelLines } from "./thin_lines.js";
import { drawSynapses, writeWeights } from "./synapses.js";

export class Stage {
  /** @param {HTMLCanvasElement} below @param {HTMLCanvasElement} above */
  constructor(below, above) {
    this.below = below;
    this.above = above;
    this.width = this.height = 0;
    this.ratio = 1; // screen pixels per page pixel
    this._below = "";
    this._travelling = { key: "", messages: /** @type {any[]} */ ([]) };
  }

  /** Fit the canvases to their box; returns whether its size has changed. */
  resize() {
    const box = this.above.getBoundingClientRect();
    const [w, h] = [Math.round(box.width), Math.round(box.height)];
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (w === this.width && h === this.height && ratio === this.ratio) return false;
    [this.width, this.height, this.ratio] = [w, h, ratio];
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.max(1, Math.round(w * ratio));
      canvas.height = Math.max(1, Math.round(h * ratio));
    }
    this._below = "";
    return true;
  }

  /** @param {HTMLCanvasElement} canvas @param {{x: number, y: number}} corner */
  _blank(canvas, corner) {
    const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.translate(-corner.x, -corner.y);
    return ctx;
  }

  /** @param {import("./scene.js").Scene} scene */
  draw(scene) {
    const { state, layout: l, corner } = scene;
    const lit = scene.lit === null ? "" : [...scene.lit.synapses].join();
    const key =
      `${state.step} ${scene.learned()} ${lit} ${l.mode} ${scene.mapped} ${scene.colours.paper} ` +
      `${l.width} ${l.height} ${corner.x} ${corner.y}`;
    if (key !== this._below) {
      paintBelow(this._blank(this.below, corner), scene);
      this._below = key;
    }
    paintAbove(this._blank(this.above, corner), scene, this._messages(scene));
  }

  /**
   * Draw everything into another context, for a picture.
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("./scene.js").Scene} scene
   */
  paint(ctx, scene) {
    paintBelow(ctx, scene);
    paintAbove(ctx, scene, this._messages(scene));
  }

  /** The messages under way. @param {import("./scene.js").Scene} scene */
  _messages(scene) {
    const { state, layout: l, t } = scene;
    const lit = scene.lit === null ? "" : [...scene.lit.synapses].join();
    const stamp =
      `${state.step} ${state.example} ${Math.floor(t)} ${lit} ${l.mode} ${l.width} ${l.height}`;
    if (stamp !== this._travelling.key)
      this._travelling = { key: stamp, messages: travelling(scene, Math.floor(t)) };
    return this._travelling.messages;
  }

  /**
   * The workers' areas and the gates; for tests, and for the browser's console.
   * @param {import("./scene.js").Scene} scene
   */
  map(scene) {
    return scene.placement ? mapOf(scene) : null;
  }

  /**
   * The thing at a point.
   * @param {import("./scene.js").Scene} scene
   * @param {number} x
   * @param {number} y
   * @returns {import("./focus.js").Thing | null}
   */
  hit(scene, x, y) {
    const { layout: l, network } = scene;
    if (
      l.loss
      && Math.abs(x - l.loss.x) < l.loss.w / 2 + 6
      && Math.abs(y - l.loss.y) < l.loss.h / 2 + 6
    )
      return { kind: "loss" };
    let [best, at] = [Infinity, -1];
    for (let k = 0; k < network.n; k++) {
      const pixel = l.picture !== null && network.isInput(k);
      const reach = l.mode === "population"
        ? 0.51
        : pixel
        ? (l.picture?.cell ?? 0) / 2
        : l.r[k] + 7;
      for (const y0 of l.mode === "population" ? [l.y[k], urgencyY(l, network, k)] : [l.y[k]]) {
        const d = l.mode === "population"
          ? Math.max(Math.abs(x - l.x[k]) / (2 * l.radius), Math.abs(y - y0) / l.grids[0].tall)
          : pixel
            ? Math.max(Math.abs(x - l.x[k]), Math.abs(y - y0))
            : Math.hypot(x - l.x[k], y - y0);
        if (d <= reach && d < best) [best, at] = [d, k];
      }
    }
    if (at >= 0) return { kind: "neuron", k: at };
    for (const k of l.tiled) {
      const left = l.x[k] - l.r[k] - l.tile - 8;
      if (x >= left && x <= left + l.tile && Math.abs(y - l.y[k]) <= l.tile / 2)
        return { kind: "neuron", k };
    }
    best = 7;
    const among = scene.lit !== null && (l.mode === "population" || l.picture)
      ? scene.lit.synapses
      : l.mode === "population"
      ? []
      : network.sources.keys();
    for (const s of among) {
      if (l.picture && network.isInput(network.sources[s]) && !scene.lit?.synapses.has(s)) continue;
      const d = distance(ofSynapse(l, network, s), x, y);
      if (d < best) [best, at] = [d, s];
    }
    return at >= 0 ? { kind: "synapse", k: at } : null;
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
function paintBelow(ctx, scene) {
  if (scene.mapped) drawGround(ctx, scene);
  drawSynapses(ctx, scene);
  if (scene.mapped) drawGates(ctx, scene);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {any[]} messages
 */
function paintAbove(ctx, scene, messages) {
  const { layout: l, t, waves } = scene;
  const labels = new Labels(ctx, scene.colours, l.width, l.height, l.textScale);
  if (l.mode === "population") drawPopulation(ctx, labels, scene);
  else {
    drawPicture(ctx, labels, scene);
    drawPixelLines(ctx, scene);
    drawNodes(ctx, scene);
    writeNodes(labels, scene);
    drawTargets(ctx, labels, scene);
  }
  if (scene.mapped && l.mode === "population") drawCellBorders(ctx, scene);
  if (l.loss) labels.reserve(l.loss.x, l.loss.y, l.loss.w + 8, l.loss.h + 8);
  drawLoss(ctx, labels, scene);
  if (scene.mapped) writeGround(labels, scene);
  else if (l.mode === "nodes" || l.layers.length) writeLevels(ctx, labels, scene);
  const wave = Math.floor(t);
  const moves = t < waves.count && t > wave;
  if (moves && wave === waves.learn) learning(ctx, scene, t - wave);
  if (l.mode === "nodes") writeWeights(labels, scene); // the numbers of messages give way to them
  if (moves) drawMessages(ctx, labels, scene, messages, t - wave);
  drawCrashes(ctx, labels, scene);
}

/**
 * Light the weights that change, in the colour of the change.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} p
 */
function learning(ctx, scene, p) {
  const { layout: l, network, view, colours, scales } = scene;
  if (l.mode === "population" && scene.lit === null) return;
  const glow = Math.sin(Math.PI * p);
  ctx.lineCap = "round";
  for (let s = 0; s < network.sources.length; s++) {
    if (scene.lit !== null && !scene.lit.synapses.has(s)) continue;
    if (l.picture && network.isInput(network.sources[s]) && scene.lit === null) continue;
    const change = view.after.weights[s] - view.weights[s];
    const strong = strength(change, scales.change);
    if (strong < 0.1) continue;
    ctx.strokeStyle = css(change < 0 ? colours.minus : colours.plus, 0.5 * glow * strong);
    ctx.lineWidth = 3 + 9 * strong;
    ctx.beginPath();
    trace(ctx, ofSynapse(l, network, s));
    ctx.stroke();
  }
}
