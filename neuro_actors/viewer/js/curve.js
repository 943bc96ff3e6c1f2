// The curve along which a synapse's messages travel.

import { urgencyY } from "./urgency_y.js";

/**
 * A cubic Bézier curve: start, two control points, end.
 * @typedef {[number, number, number, number, number, number, number, number]} Curve
 */

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {number} [bend]
 * @returns {Curve}
 */
export function curve(x1, y1, x2, y2, bend = 0) {
  const reach = (x2 - x1) * 0.42;
  return [x1, y1, x1 + reach, y1 + bend, x2 - reach, y2 + bend, x2, y2];
}

/**
 * The curve of a synapse.
 * @param {import("./layout.js").Layout} l
 * @param {import("./network.js").Network} network
 * @param {number} synapse
 * @returns {Curve}
 */
export function ofSynapse(l, network, synapse) {
  const [source, target] = [network.sources[synapse], network.targets[synapse]];
  const bend = l.bends.get(synapse) ?? 0;
  const pixel = l.picture && network.isInput(source);
  const from = pixel ? 0 : edge(l, source);
  const to = l.tiled.has(target) ? l.r[target] + l.tile + 8 : edge(l, target);
  return curve(l.x[source] + from, l.y[source], l.x[target] - to, l.y[target], bend);
}

/**
 * The curve between an output and the loss.
 * @param {import("./layout.js").Layout} l
 * @param {import("./network.js").Network} network
 * @param {number} k
 * @param {number} share the position among the outputs, 0 to 1
 * @param {boolean} [back] whether it carries urgencies: in the population view from the lower field
 * @returns {Curve}
 */
export function toLoss(l, network, k, share, back = false) {
  const loss = /** @type {NonNullable<typeof l.loss>} */ (l.loss);
  const room = loss.h * 0.6;
  const y = back ? urgencyY(l, network, k) : l.y[k];
  return curve(l.x[k] + edge(l, k), y, loss.x - loss.w / 2 - 2, loss.y + (share - 0.5) * room);
}

/** @param {import("./layout.js").Layout} l @param {number} k */
function edge(l, k) {
  return l.r[k] + (l.r[k] >= 20 ? 9 : l.r[k] >= 9 ? 5 : 3);
}

/** @param {Curve} c @param {number} t @returns {[number, number]} */
export function point(c, t) {
  const s = 1 - t;
  const [p, q, r, w] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return [p * c[0] + q * c[2] + r * c[4] + w * c[6], p * c[1] + q * c[3] + r * c[5] + w * c[7]];
}

/** The direction at t, as an angle. @param {Curve} c @param {number} t */
export function angle(c, t) {
  const [x1, y1] = point(c, Math.max(0, t - 0.01));
  const [x2, y2] = point(c, Math.min(1, t + 0.01));
  return Math.atan2(y2 - y1, x2 - x1);
}

/** @param {Curve} c @param {number} x @param {number} y */
export function distance(c, x, y) {
  const [low, high] = [Math.min(c[1], c[3], c[5], c[7]), Math.max(c[1], c[3], c[5], c[7])];
  if (x < c[0] - 8 || x > c[6] + 8 || y < low - 8 || y > high + 8) return Infinity;
  let best = Infinity;
  let [px, py] = [c[0], c[1]];
  for (let k = 1; k <= 20; k++) {
    const [qx, qy] = point(c, k / 20);
    const [dx, dy] = [qx - px, qy - py];
    const along = Math.max(
      0,
      Math.min(1, ((x - px) * dx + (y - py) * dy) / (dx * dx + dy * dy || 1)),
    );
    best = Math.min(best, Math.hypot(x - px - along * dx, y - py - along * dy));
    [px, py] = [qx, qy];
  }
  return best;
}

/** @param {CanvasRenderingContext2D} ctx @param {Curve} c */
export function trace(ctx, c) {
  ctx.moveTo(c[0], c[1]);
  ctx.bezierCurveTo(c[2], c[3], c[4], c[5], c[6], c[7]);
}
