// The outlines of nodes: inputs are square, neurons are round, interneurons are diamonds. Where a
// node lives at several positions, its outline is around its map: with sharp, round or cut corners.

import { positionAt } from "./arrangement.js";
import { arrangementOf } from "./attention.js";
import { mapBox } from "./maps.js";

/** How much smaller interneurons are: they have nothing to learn. */
export const SMALLER = 0.8;
/** The side of a map in radii of its node: its corners are a little outside of the circle. */
export const SIDE = 1.72;

/**
 * Signs of combinations. Others have the beginning of their name.
 * @type {Record<string, string>}
 */
const COMBINATIONS = { sum: "+", product: "×", max: "max", logsumexp: "lse" };
const SIGN_LENGTH = 4;

/** The sign of a combination. @param {string} combination */
export function combinationSign(combination) {
  const [name] = combination.split(" ");
  return COMBINATIONS[name] ?? name.slice(0, SIGN_LENGTH);
}

/**
 * The box of a node's map; null if the node lives at one position.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
export function nodeMap({ layout: l, network }, k) {
  if (network.positions(k) < 2) return null;
  return mapBox(arrangementOf(network, k), l.x[k], l.y[k], SIDE * l.r[k]);
}

/**
 * The position under a point of the layout, on a node's map; -1 if there is none.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {{x: number, y: number}} point
 */
export function positionUnder(scene, k, { x, y }) {
  const box = scene.layout.mode === "nodes" ? nodeMap(scene, k) : null;
  if (!box) return -1;
  return positionAt(arrangementOf(scene.network, k), (x - box.x) / box.w, (y - box.y) / box.h);
}

/**
 * Trace the outline of a node.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {number} [apart] how far outside of the node's own outline
 */
export function traceNode(ctx, scene, k, apart = 0) {
  const { layout: l, network } = scene;
  const [x, y, r] = [l.x[k], l.y[k], l.r[k] + apart];
  const map = nodeMap(scene, k);
  const isInterneuron = network.isInterneuron(k);
  ctx.beginPath();
  if (map) {
    const [left, top] = [map.x - apart, map.y - apart];
    const [w, h] = [map.w + 2 * apart, map.h + 2 * apart];
    const corner = 0.3 * Math.min(map.w / 2, map.h / 2) + apart / 2;
    if (isInterneuron) traceCut(ctx, left, top, w, h, corner);
    else ctx.roundRect(left, top, w, h, network.isInput(k) ? 1 : corner);
  } else if (isInterneuron) {
    const far = 1.2 * r;
    ctx.moveTo(x, y - far);
    ctx.lineTo(x + far, y);
    ctx.lineTo(x, y + far);
    ctx.lineTo(x - far, y);
    ctx.closePath();
  } else if (network.isInput(k)) {
    ctx.roundRect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84, r * 0.28);
  } else ctx.arc(x, y, r, 0, 2 * Math.PI);
}

/** Trace a rectangle with cut corners. */
function traceCut(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ w,
  /** @type {number} */ h,
  /** @type {number} */ cut,
) {
  ctx.moveTo(x + cut, y);
  ctx.lineTo(x + w - cut, y);
  ctx.lineTo(x + w, y + cut);
  ctx.lineTo(x + w, y + h - cut);
  ctx.lineTo(x + w - cut, y + h);
  ctx.lineTo(x + cut, y + h);
  ctx.lineTo(x, y + h - cut);
  ctx.lineTo(x, y + cut);
  ctx.closePath();
}

/**
 * Half the height of a node.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
export function halfHeight(scene, k) {
  const map = nodeMap(scene, k);
  if (map) return map.h / 2;
  return scene.layout.r[k] * (scene.network.isInterneuron(k) ? 1.2 : 1);
}
