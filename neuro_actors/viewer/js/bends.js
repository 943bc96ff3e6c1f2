// How far synapses bend that skip a level.

import { curve, distance } from "./curve.js";

const NAMED = 20; // nodes from this radius on have their names above them
const MOST_BENT = 400;
const NAME_ABOVE = 27; // the middle of a name above its node

/**
 * How far synapses that skip a level bend, so that they do not cross the neurons between, or their
 * names.
 * @param {import("./network.js").Network} network
 * @param {Float32Array} x
 * @param {Float32Array} y
 * @param {Float32Array} r
 * @param {number} height
 */
export function bends(network, x, y, r, height) {
  const { level, sources, targets } = network;
  /** @type {Map<number, number>} */
  const found = new Map();
  const skipping = [...sources.keys()].filter((s) => level[targets[s]] - level[sources[s]] > 1);
  for (const s of skipping.slice(0, MOST_BENT)) {
    const [a, b] = [sources[s], targets[s]];
    const between = network.ids.map((_, k) => k).filter((k) =>
      level[k] > level[a] && level[k] < level[b],
    );
    const away = (y[a] + y[b]) / 2 < height / 2 - 1 ? -1 : 1;
    let [best, clearest] = [0, -Infinity];
    for (const size of [0, 40, 80, 120, 170, 220, 280]) {
      for (const bend of [away * size, -away * size]) {
        const c = curve(x[a], y[a], x[b], y[b], bend);
        if (Math.max(...[c[3], c[5]].map((v) => Math.abs(v - height / 2))) > height * 0.62)
          continue;
        const clear = Math.min(14, ...between.map((k) => {
          const name = r[k] < NAMED ? Infinity : distance(c, x[k], y[k] - r[k] - NAME_ABOVE);
          return Math.min(distance(c, x[k], y[k]) - r[k], name - 6);
        }));
        if (clear > clearest + 0.5) [best, clearest] = [bend, clear];
      }
      if (clearest >= 14) break;
    }
    found.set(s, best);
  }
  return found;
}
