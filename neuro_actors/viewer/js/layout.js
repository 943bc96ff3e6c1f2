// Where everything is drawn: levels from left to right, then the loss.

import { curve, distance } from "./curve.js";

export const MOST_NODES = 200;
const TEXT_RADIUS = 20; // no text inside smaller nodes

/**
 * @typedef {{mode: "nodes" | "population", width: number, height: number, textScale: number,
 *   radius: number, r: Float32Array, x: Float32Array, y: Float32Array, columns: {level: number, x:
 *   number, left: number, right: number, spacing: number, radius: number}[], loss: {x: number, y:
 *   number, w: number, h: number} | null, drawn: number[], picture: {x: number, y: number, cell:
 *   number, rows: number, columns: number} | null, tile: number, tiled: Set<number>, grids: Grid[],
 *   bends: Map<number, number>}} Layout
 * @typedef {{level: number, x: number, activationTop: number, urgencyTop: number, cell: number,
 *   tall: number, columns: number, rows: number, neurons: number[]}} Grid
 */

/** Neurons that would be drawn as nodes. @param {import("./data.js").Run} run */
export function drawnNeurons(run) {
  const { network, picture } = run;
  return network.ids.map((_, k) => k).filter((k) => !(picture && network.isInput(k)));
}

/**
 * @param {import("./data.js").Run} run
 * @param {number} width
 * @param {number} height
 * @param {"auto" | "nodes" | "population"} wanted
 * @param {number} [textScale] the scale of text, 1 on a normal screen
 * @returns {Layout}
 */
export function layout(run, width, height, wanted, textScale = 1) {
  const drawn = drawnNeurons(run);
  const many = drawn.length > MOST_NODES;
  if (wanted === "population" || (wanted === "auto" && many))
    return layoutPopulation(run, width, height, drawn, textScale);
  return layoutNodes(run, width, height, drawn, textScale);
}

/** @param {import("./data.js").Run} run @param {number} width @param {number} height */
function measure(run, width, height) {
  const narrow = width < 560;
  const hasLoss = run.steps.some((/** @type {any} */ step) => step.loss !== null);
  const [left, right, top, bottom] = [narrow ? 8 : 24, narrow ? 8 : 28, 44, 26];
  const lossWidth = hasLoss ? (narrow ? 72 : 120) : 0;
  return {
    narrow,
    hasLoss,
    left,
    top,
    lossWidth,
    room: width - left - right - lossWidth,
    tall: height - top - bottom,
  };
}

/**
 * @param {import("./data.js").Run} run
 * @param {number} width
 * @param {number} height
 * @param {number[]} drawn
 * @param {number} textScale
 * @returns {Layout}
 */
function layoutNodes(run, width, height, drawn, textScale) {
  const { network } = run;
  const f = measure(run, width, height);
  const members = network.levels.map((level) =>
    level.filter((k) => !(run.picture && network.isInput(k))),
  );
  const most = Math.max(2, Math.floor(f.tall / 24));
  const followsPicture = (/** @type {number} */ k) => k === 1 && run.picture;
  // fewer nodes in a column, so that their images are visible, but two columns rather than three
  const withTiles = (/** @type {number} */ n) => (
    f.narrow ? most : Math.max(2, Math.floor(f.tall / 36), Math.min(most, Math.ceil(n / 2)))
  );
  const subs = members.map((level, k) =>
    Math.max(1, Math.ceil(level.length / (followsPicture(k) ? withTiles(level.length) : most))),
  );
  const shares = members.map((level, k) =>
    (k === 0 && run.picture ? 1.5 : 1 + (followsPicture(k) ? 0.75 : 0.5) * (subs[k] - 1)),
  );
  const unit = f.room / shares.reduce((sum, share) => sum + share, 0);
  const x = new Float32Array(network.n);
  const y = new Float32Array(network.n);
  const gaps = members.map((level, k) => {
    const rows = Math.max(1, Math.ceil(level.length / subs[k]));
    return Math.min(rows < 4 ? 250 : 160, f.tall / rows);
  });
  // Each node is as large as its level allows, with text from a certain size on; no level has much
  // larger nodes than the smallest one.
  const sizes = members.map((_, k) => {
    const roomy = Math.min((gaps[k] - 76 * textScale) / 2, unit * 0.28, 44 * textScale);
    return roomy >= TEXT_RADIUS
      ? roomy
      : Math.max(3.5, Math.min(gaps[k] * 0.33, unit * 0.16, TEXT_RADIUS - 1));
  });
  const radius = Math.min(...sizes.filter((_, k) => members[k].length));
  const r = new Float32Array(network.n).fill(radius);
  /** @type {Layout["columns"]} */
  const columns = [];
  let at = f.left;
  members.forEach((level, k) => {
    const [left, right] = [at, at + unit * shares[k]];
    at = right;
    const rows = Math.ceil(level.length / subs[k]);
    const gap = gaps[k];
    const size = Math.min(sizes[k], Math.max(1.6 * radius, TEXT_RADIUS));
    columns.push({ level: k, x: (left + right) / 2, left, right, spacing: gap, radius: size });
    level.forEach((neuron, place) => {
      const sub = place % subs[k];
      r[neuron] = size;
      x[neuron] = (left + right) / 2 + (sub - (subs[k] - 1) / 2) * (
        followsPicture(k) ? unit * 0.62 : Math.min(unit * 0.45, radius * 3.4)
      );
      const stagger = subs[k] > 1 ? ((sub + 0.5) / subs[k] - 0.5) * gap : 0;
      y[neuron] = f.top + f.tall / 2 + (
        Math.floor(place / subs[k]) - (rows - 1) / 2
      ) * gap + stagger * 0.9;
    });
  });
  const grown = placePicture(run, f, columns, x, y, subs[1] > 1 ? unit * 0.62 : unit * 0.5);
  const lossAt = {
    x: width - f.lossWidth / 2 - (f.narrow ? 4 : 22),
    y: f.top + f.tall / 2,
    w: f.narrow ? 66 : 104 * textScale,
    h: 62 * textScale,
  };
  return {
    mode: "nodes", width, height, textScale, radius, r, x, y, columns, drawn, grids: [],
    loss: f.hasLoss ? lossAt : null, ...grown(), bends: bends(network, x, y, r, height),
  };
}

const MOST_BENT = 400;

/**
 * How far synapses that skip a level bend, so that they do not cross the neurons between.
 * @param {import("./data.js").Network} network
 * @param {Float32Array} x
 * @param {Float32Array} y
 * @param {Float32Array} r
 * @param {number} height
 */
function bends(network, x, y, r, height) {
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
        const clear = Math.min(14, ...between.map((k) => distance(c, x[k], y[k]) - r[k]));
        if (clear > clearest + 0.5) [best, clearest] = [bend, clear];
      }
      if (clearest >= 14) break;
    }
    found.set(s, best);
  }
  return found;
}

/** Place the picture and, beside each neuron that it leads to, a tile of the neuron's weights. */
function placePicture(
  /** @type {any} */ run,
  /** @type {any} */ f,
  /** @type {any[]} */ columns,
  /** @type {any} */ x,
  /** @type {any} */ y,
  /** @type {number} */ tileRoom,
) {
  const { network, picture } = run;
  if (!picture) return () => ({ picture: null, tile: 0, tiled: new Set() });
  const [rows, cols] = picture;
  const column = columns[0];
  const cell = Math.max(
    2,
    Math.floor(Math.min((column.right - column.left) * 0.86 / cols, f.tall * 0.62 / rows)),
  );
  const place = {
    x: column.x - (cell * cols) / 2,
    y: f.top + f.tall / 2 - (cell * rows) / 2,
    cell,
    rows,
    columns: cols,
  };
  network.inputs.forEach((/** @type {number} */ k, /** @type {number} */ pixel) => {
    x[k] = place.x + ((pixel % cols) + 0.5) * cell;
    y[k] = place.y + (Math.floor(pixel / cols) + 0.5) * cell;
  });
  const all = network.ids.map((/** @type {any} */ _, /** @type {number} */ k) => k);
  const tiled = new Set(all.filter((/** @type {number} */ k) => {
    const incoming = network.incoming(k);
    return incoming.length > network.inputs.length / 2 && incoming.every(
      (/** @type {number} */ s) => network.isInput(network.sources[s]),
    );
  }));
  return () => {
    const { radius } = columns[1];
    const spacing = columns[1]?.spacing ?? 0;
    const size = Math.floor(Math.min(spacing * 0.84, 64, tileRoom - 2 * radius - 18) / cols) * cols;
    const tile = size >= 14 && tiled.size ? size : 0;
    if (tile) for (const k of /** @type {Set<number>} */ (tiled)) x[k] += tile / 2 + 4;
    return { picture: place, tile, tiled: tile ? tiled : new Set() };
  };
}

/**
 * @param {import("./data.js").Run} run
 * @param {number} width
 * @param {number} height
 * @param {number[]} drawn
 * @param {number} textScale
 * @returns {Layout}
 */
function layoutPopulation(run, width, height, drawn, textScale) {
  const { network } = run;
  const f = measure(run, width, height);
  const x = new Float32Array(network.n);
  const y = new Float32Array(network.n);
  const half = (f.tall - 56) / 2;
  const gap = Math.min(48, (f.room / network.levels.length) * 0.28);
  // As many columns of cells as make the cells square and fill the height, with one size of cell
  // for
  // all levels.
  const roomEach = f.room - gap * network.levels.length;
  let cell = 26;
  const columnsOf = (/** @type {number} */ size) =>
    network.levels.map((level) =>
      Math.max(1, Math.ceil(level.length / Math.max(1, Math.floor(half / size)))),
    );
  while (cell > 1 && columnsOf(cell).reduce((sum, c) => sum + c * cell, 0) > roomEach)
    cell -= cell > 6 ? 1 : 0.5;
  const counts = columnsOf(cell);
  // a few rows of narrow cells are stretched, so that they fill the height
  const mostRows = Math.max(
    ...network.levels.map((level, k) => Math.ceil(level.length / counts[k])),
  );
  const high = Math.max(cell, Math.min(half / mostRows, 3 * cell, 26));
  const used = counts.reduce((sum, c) => sum + c * cell, 0);
  const space = (f.room - used) / network.levels.length;
  /** @type {Grid[]} */
  const grids = [];
  /** @type {Layout["columns"]} */
  const columns = [];
  let at = f.left;
  const activationTop = f.top + 18;
  const urgencyTop = activationTop + half + 38;
  network.levels.forEach((level, k) => {
    const wide = counts[k] * cell;
    const left = at + space / 2;
    const rows = Math.ceil(level.length / counts[k]);
    const drop = (half - rows * high) / 2;
    grids.push({
      level: k,
      x: left,
      activationTop: activationTop + drop,
      urgencyTop: urgencyTop + drop,
      cell,
      tall: high,
      columns: counts[k],
      rows,
      neurons: level,
    });
    columns.push({
      level: k,
      x: left + wide / 2,
      left: at,
      right: at + wide + space,
      spacing: cell,
      radius: cell / 2,
    });
    level.forEach((neuron, place) => {
      x[neuron] = left + ((place % counts[k]) + 0.5) * cell;
      y[neuron] = activationTop + drop + (Math.floor(place / counts[k]) + 0.5) * high;
    });
    at += wide + space;
  });
  const lossAt = {
    x: width - f.lossWidth / 2 - (f.narrow ? 4 : 22),
    y: f.top + f.tall / 2 + 8,
    w: f.narrow ? 66 : 104,
    h: 62,
  };
  return {
    mode: "population", width, height, textScale, radius: cell / 2,
    r: new Float32Array(network.n).fill(cell / 2), x, y, columns, drawn, grids,
    loss: f.hasLoss ? lossAt : null, picture: null, tile: 0, tiled: new Set(), bends: new Map(),
  };
}
