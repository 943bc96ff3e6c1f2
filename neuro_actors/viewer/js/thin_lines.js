// Thin lines over cells or pixels: the synapses of the chosen thing.

import { css, strength } from "./colours.js";
import { ofSynapse, trace } from "./curve.js";

const MOST_PIXEL_LINES = 12;

/**
 * Draw a synapse in the colour of its weight, or of its urgency.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {import("./curve.js").Curve} c
 * @param {number} value
 * @param {number} most
 */
export function drawThinLine(ctx, scene, c, value, most) {
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

/**
 * Draw the synapses from pixels to a lit neuron.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
export function drawPixelLines(ctx, scene) {
  const { layout: l, network, view, lit, scales } = scene;
  // more lines would hide the picture
  if (!l.picture || lit === null || lit.synapses.size > MOST_PIXEL_LINES) return;
  for (const s of lit.synapses) {
    const source = network.sources[s];
    if (network.isInput(source))
      drawThinLine(ctx, scene, ofSynapse(l, network, s), view.weights[s], scales.pixelWeight);
  }
}
