// Thin wires over cells or pixels: those of what is chosen.

import { css, strength } from "./colours.js";
import { ofSynapse, trace } from "./curve.js";

const MOST_THREADS = 12;

/** A wire of the chosen neuron in the colour of its weight, or of the urgency that goes along it. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene
 *  @param {import("./curve.js").Curve} c @param {number} value @param {number} most */
export function thread(ctx, scene, c, value, most) {
  const strong = strength(value, most);
  const { colours } = scene;
  for (const [colour, wide] of /** @type {[string, number][]} */ ([
    [css(colours.paper, 0.7), 2],
    [css(value < 0 ? colours.minus : colours.plus, 0.6 + 0.4 * strong), 0],
  ])) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.2 + 2.6 * strong + wide;
    ctx.setLineDash(value < 0 && !wide ? [6, 3] : []);
    ctx.beginPath();
    trace(ctx, c);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

/** From the pixels that a lit neuron hears. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
export function drawPixelThreads(ctx, scene) {
  const { layout: l, network, view, lit, scales } = scene;
  if (!l.picture || lit === null || lit.wires.size > MOST_THREADS) return; // more would hide the picture
  for (const s of lit.wires) {
    const source = network.sources[s];
    if (network.isInput(source)) thread(ctx, scene, ofSynapse(l, network, s), view.weights[s], scales.pixelWeight);
  }
}
