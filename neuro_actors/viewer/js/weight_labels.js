// Where the weights of synapses are written: on their own line, away from its middle, where
// messages rest, and where no other line, node or text is.

import { ofSynapse, point } from "./curve.js";

const ALONG = [0.3, 0.27, 0.33, 0.24, 0.36, 0.21, 0.18, 0.39, 0.15].flatMap((t) => [t, 1 - t]);
const ASIDE = 25; // pixels from the middle of a line to a text below or above it
const SHORTEST = 90; // a line with less room, in pixels, has no text
const [NODE_TEXT, MESSAGE] = [18, 10]; // half the height of a node's texts, of a resting message
const SAMPLES = 24; // points of a curve that are looked at

/** @typedef {[number, number, number, number]} Box left, top, right, bottom */

/** @param {Box} a @param {Box} b */
function meet(a, b) {
  return a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
}

/** Whether a line goes through a box. @param {import("./curve.js").Curve} c @param {Box} box */
function crosses(c, box) {
  if (c[0] > box[2] || c[6] < box[0]) return false;
  for (let k = 0; k <= SAMPLES; k++) {
    const [x, y] = point(c, k / SAMPLES);
    if (x > box[0] && x < box[2] && y > box[1] && y < box[3]) return true;
  }
  return false;
}

/**
 * The boxes of nodes with their texts, the loss, and the messages that rest in the middle.
 * @param {import("./layout.js").Layout} l
 * @param {import("./network.js").Network} network
 * @param {number[]} synapses
 * @returns {Box[]}
 */
function taken(l, network, synapses) {
  const nodes = l.drawn.map((k) => {
    const [x, y, r] = [l.x[k], l.y[k], l.r[k]];
    const [wide, high] = [Math.max(r + 8, 26 * l.textScale), r + 18 + NODE_TEXT * l.textScale];
    return /** @type {Box} */ ([x - wide, y - high, x + wide, y + high]);
  });
  const messages = synapses.map((s) => {
    const [x, y] = point(ofSynapse(l, network, s), 0.5);
    return /** @type {Box} */ ([x - MESSAGE, y - MESSAGE, x + MESSAGE, y + MESSAGE]);
  });
  return [...nodes, ...messages];
}

/**
 * Where weights are written; a weight without an unmistakable place is left out. The places depend
 * on the layout alone, so that no text jumps while messages travel.
 * @param {import("./layout.js").Layout} l
 * @param {import("./network.js").Network} network
 * @param {number[]} synapses the synapses whose lines are seen; the first ones choose first
 * @param {(s: number) => number} wide the width of a synapse's text
 * @param {number} high the height of a text
 * @returns {Map<number, [number, number]>}
 */
export function placeWeights(l, network, synapses, wide, high) {
  const lines = new Map(synapses.map((s) => [s, ofSynapse(l, network, s)]));
  const boxes = taken(l, network, synapses);
  /** @type {Map<number, [number, number]>} */
  const found = new Map();
  for (const [s, c] of lines) {
    // a synapse into an interneuron has no weight of its own
    if (network.isInterneuron(network.targets[s])) continue;
    if (c[6] - c[0] < SHORTEST * l.textScale) continue;
    const [mx, my] = point(c, 0.5);
    const places = ALONG.map((t) => point(c, t));
    const aside = [ASIDE, -ASIDE].map((d) => /** @type {[number, number]} */ ([mx, my + d]));
    for (const [x, y] of [...places, ...aside]) {
      const [w, h] = [wide(s) / 2 + 1, high / 2 + 1];
      const box = /** @type {Box} */ ([x - w, y - h, x + w, y + h]);
      if (boxes.some((other) => meet(box, other))) continue;
      const isAside = y !== my && x === mx;
      if ([...lines].some(([other, line]) => (isAside || other !== s) && crosses(line, box)))
        continue;
      boxes.push(box);
      found.set(s, [x, y]);
      break;
    }
  }
  return found;
}
