// What nodes show of positions and combinations: maps inside of them, signs at their corners.

import { arrangementOf } from "./attention.js";
import { css, fill, on } from "./colours.js";
import { drawMap, framePositions, mapImage } from "./maps.js";
import { combinationSign, nodeMap, traceNode } from "./node_shapes.js";

const SMALL = 20; // the radius of a node from which on it has a number inside
const LEAST_CELL = 3; // pixels of a cell that can have a frame
const LEGIBLE = 7.5; // pixels of the smallest text

/**
 * Draw the numbers of a node at its positions, if it has several: activations, or urgencies.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
export function drawNodeMap(ctx, scene, k) {
  const box = nodeMap(scene, k);
  if (!box) return;
  const { network, colours, scales, waves, t, reached, state } = scene;
  const a = arrangementOf(network, k);
  const isUrgency = state.maps === "urgencies" && waves.isUrged(k, t);
  const values = scene.map(k, isUrgency ? "urgencies" : "activations");
  const most = isUrgency ? scales.urgency : scales.activation;
  const cells = scene.cached(`map ${k} ${isUrgency}`, () => mapImage(a, values, colours, most));
  ctx.save();
  traceNode(ctx, scene, k);
  ctx.clip();
  drawMap(ctx, a, values, box, colours, most, cells);
  ctx.restore();
  const reach = reached?.get(k);
  const cell = Math.min(box.w / a.columns, box.h / a.rows);
  const wide = Math.max(1, Math.min(3, cell / 4));
  if (reach && cell >= LEAST_CELL - 1)
    framePositions(ctx, a, box, reach, css(colours.loss), wide + 0.5);
  const chosen = scene.view.at(k);
  if (cell >= LEAST_CELL) framePositions(ctx, a, box, [chosen], css(colours.accent), wide);
}

/**
 * Write how an interneuron combines what it receives: inside a small one, at the corner of others.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
export function writeSign(labels, scene, k) {
  const { layout: l, network, colours, view, waves, t, scales, lit } = scene;
  const sign = combinationSign(network.kindOf(k));
  const [x, y, r, map] = [l.x[k], l.y[k], l.r[k], nodeMap(scene, k)];
  const alpha = lit !== null && !lit.neurons.has(k) ? 0.4 : 1;
  if (map || r >= SMALL) {
    const size = Math.min(13, r * 0.62);
    if (size < LEGIBLE) return;
    const corner = map ? [map.x + size / 2, map.y - 2] : [x - 0.6 * r, y - 0.85 * r];
    const place = /** @type {[number, number]} */ (corner);
    labels.put(sign, [place], {
      size, bold: true, over: true, align: "right", pill: css(colours.paper, 0.9),
      colour: css(colours.ink, alpha),
    });
    return;
  }
  const size = Math.min(14, (2 * r) / (sign.length > 1 ? 1.1 * sign.length : 1.2) / l.textScale);
  if (size * l.textScale < LEGIBLE) return;
  const ground = waves.hasFired(k, t) ? fill(colours, view.a[k], scales.activation) : colours.empty;
  const colour = css(on(colours, ground), alpha);
  labels.put(sign, [[x, y]], { size, bold: true, over: true, colour });
}
