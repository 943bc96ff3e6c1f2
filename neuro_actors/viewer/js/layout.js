// Where everything is drawn: levels from left to right, then the loss.

import { bends } from "./bends.js";
import { findLayers } from "./layer_names.js";
import { SIDE, SMALLER } from "./node_shapes.js";

export const MOST_NODES = 200;
export const MOST_IN_COLUMN = 64; // a level is one column of nodes: more are drawn as cells
const MANY_LEVELS = 12; // there the nodes are wide in their columns: they are what one looks at
const [LEAST_MAP, NAME_ROW] = [4, 18]; // the radius of a node with a map; a row of layers' names
const DENSE = 1.6; // how much wider a level is that receives many synapses
const [MAP_TEXT, MAP_NAME, MAP_RING] = [60, 24, 14]; // room for a name and numbers; a name; none
const LEAST_COLUMN = 40; // of a population, that has room for its number of neurons
const NARROW = 110; // a column that has no room for its level and its number of neurons
const TEXT_RADIUS = 20; // no text inside smaller nodes
// Between two levels, so that a message on its line has room for its number.
const NUMBERED_LINE = 122;

const NAMED_RADII = Array.from({ length: 13 }, (_, k) => TEXT_RADIUS - 1 - k); // 19 to 7

/**
 * The room above a node without text inside that its name needs: ring, tip and name.
 * @param {number} r
 * @param {number} textScale
 */
export function nameRoom(r, textScale) {
  return r >= 9 ? 24 + 18 * textScale : 12 + 18 * textScale;
}

/**
 * @typedef {{mode: "nodes" | "population", width: number, height: number, textScale: number,
 *   radius: number, r: Float32Array, x: Float32Array, y: Float32Array, columns: {level: number, x:
 *   number, left: number, right: number, spacing: number, radius: number}[], loss: {x: number, y:
 *   number, w: number, h: number} | null, drawn: number[], picture: {x: number, y: number, cell:
 *   number, rows: number, columns: number} | null, tile: number, tiled: Set<number>, grids: Grid[],
 *   bends: Map<number, number>, layers: import("./layer_names.js").LayerName[][]}} Layout
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
 * @param {number} [zoom] how much larger than the stage the society is
 * @returns {Layout}
 */
export function layout(run, width, height, wanted, textScale = 1, zoom = 1) {
  const drawn = drawnNeurons(run);
  const inLevel = new Map();
  for (const k of drawn)
    inLevel.set(run.network.level[k], (inLevel.get(run.network.level[k]) ?? 0) + 1);
  const many = drawn.length > MOST_NODES || Math.max(...inLevel.values()) > MOST_IN_COLUMN;
  const how = wanted === "population" || (wanted === "auto" && many)
    ? layoutPopulation
    : layoutNodes;
  return how(run, width, height, drawn, textScale, zoom);
}

/**
 * @param {import("./data.js").Run} run
 * @param {number} width
 * @param {number} height
 * @param {number} zoom
 * @param {number} textScale
 * @param {number} rows of names of layers below the columns
 */
function measure(run, width, height, zoom, textScale, rows = 0) {
  const narrow = width < 560;
  [width, height] = [width * zoom, height * zoom];
  const hasLoss = run.steps.some((/** @type {any} */ step) => step.loss !== null);
  const [left, right, top, bottom] = [narrow ? 8 : 24, narrow ? 8 : 28, 44, 26 + NAME_ROW * rows];
  const lossWidth = hasLoss ? (narrow ? 72 : 16 + 104 * textScale) : 0;
  return {
    narrow,
    hasLoss,
    width,
    height,
    left,
    top,
    lossWidth,
    // a frame that has no size yet is smaller than its margins; no node has a negative size there
    room: Math.max(1, width - left - right - lossWidth),
    tall: Math.max(1, height - top - bottom),
  };
}

/**
 * Each level is one column, scaled to fit.
 * @param {import("./data.js").Run} run
 * @param {number} stageWidth
 * @param {number} stageHeight
 * @param {number[]} drawn
 * @param {number} screenScale the scale of text
 * @param {number} zoom
 * @returns {Layout}
 */
function layoutNodes(run, stageWidth, stageHeight, drawn, screenScale, zoom) {
  const { network } = run;
  const textScale = screenScale * Math.sqrt(zoom); // zoomed in, there is more room, too
  const narrow = (stageWidth * zoom) / network.levels.length < NARROW * textScale;
  const layers = narrow ? findLayers(network) : [];
  const f = measure(run, stageWidth, stageHeight, zoom, textScale, layers.length);
  const { width, height } = f;
  const members = network.levels.map((level) =>
    level.filter((k) => !(run.picture && network.isInput(k))),
  );
  const followsPicture = (/** @type {number} */ k) => k === 1 && run.picture;
  const isDense = denseLevels(network);
  const shares = members.map((_, k) => (run.picture && k < 2 ? 1.5 : isDense[k] ? DENSE : 1));
  const unit = f.room / shares.reduce((sum, share) => sum + share, 0);
  const x = new Float32Array(network.n);
  const y = new Float32Array(network.n);
  const gaps = members.map((level) =>
    Math.min((level.length < 4 ? 250 : 160) * zoom, f.tall / Math.max(1, level.length)),
  );
  const mapped = members.map((level) => level.some((k) => network.positions(k) > 1));
  const part = members.length > MANY_LEVELS ? 0.26 : 0.16; // of a column
  // Each node is as large as its level allows, with text from a certain size on; no level has much
  // larger nodes than the smallest one.
  const sizes = members.map((_, k) => {
    if (mapped[k]) return mapRadius(gaps[k], unit, textScale);
    const wide = Math.min(unit * 0.28, Math.max(TEXT_RADIUS, (unit - NUMBERED_LINE) / 2));
    const roomy = Math.min((gaps[k] - 76 * textScale) / 2, wide, 44 * textScale);
    if (roomy >= TEXT_RADIUS) return roomy;
    const small = Math.min(gaps[k] * 0.33, unit * part, TEXT_RADIUS - 1);
    const named = NAMED_RADII.find((r) => r <= small && gaps[k] >= 2 * r + nameRoom(r, textScale));
    return named ?? Math.max(Math.min(3.5, gaps[k] * 0.4), small);
  });
  const radius = Math.min(...sizes.filter((_, k) => members[k].length));
  const most = Math.max(1.6 * radius, TEXT_RADIUS);
  const r = new Float32Array(network.n).fill(radius);
  /** @type {Layout["columns"]} */
  const columns = [];
  let at = f.left;
  members.forEach((level, k) => {
    const [left, right] = [at, at + unit * shares[k]];
    at = right;
    const size = mapped[k] ? sizes[k] : Math.min(sizes[k], most);
    columns.push({ level: k, x: (left + right) / 2, left, right, spacing: gaps[k], radius: size });
    level.forEach((neuron, place) => {
      r[neuron] = network.isInterneuron(neuron) ? SMALLER * size : size;
      x[neuron] = (left + right) / 2;
      y[neuron] = f.top + f.tall / 2 + (place - (level.length - 1) / 2) * gaps[k];
    });
  });
  const grown = placePicture(run, f, columns, x, y, unit * (followsPicture(1) ? 1 : 0.5));
  const lossAt = {
    x: width - f.lossWidth / 2 - (f.narrow ? 4 : 22),
    y: f.top + f.tall / 2,
    w: f.narrow ? 66 : 104 * textScale,
    h: 62 * textScale,
  };
  return {
    mode: "nodes", width, height, textScale, radius, r, x, y, columns, drawn, grids: [],
    loss: f.hasLoss ? lossAt : null, ...grown(), bends: bends(network, x, y, r, height), layers,
  };
}

/**
 * The radius of nodes with maps: the largest with all their text, with their names, or without.
 * @param {number} gap
 * @param {number} unit the width of a column
 * @param {number} textScale
 */
function mapRadius(gap, unit, textScale) {
  const most = Math.min(unit * 0.36, 44 * textScale);
  const within = (/** @type {number} */ room) => Math.min(most, (gap - room) / SIDE);
  const [all, named, bare] = [
    within(MAP_TEXT * textScale),
    within(12 + MAP_NAME * textScale),
    within(8 + MAP_RING * textScale),
  ];
  if (all >= TEXT_RADIUS) return all;
  return named >= 0.75 * bare ? named : Math.max(LEAST_MAP, bare);
}

/**
 * How much text has room between nodes with maps: 2 for all, 1 for names, 0 for none.
 * @param {number} free pixels between two of them
 * @param {number} textScale
 */
export function mapText(free, textScale) {
  if (free >= MAP_TEXT * textScale - 1) return 2;
  return free >= 11 + MAP_NAME * textScale ? 1 : 0;
}

/**
 * Which levels of a network of many levels are wide: those that receive many synapses with weights,
 * whose fans need room.
 * @param {import("./network.js").Network} network
 */
function denseLevels(network) {
  const counts = network.levels.map(() => 0);
  if (network.levels.length > MANY_LEVELS)
    network.targets.forEach((k, s) => {
      if (!network.isInterneuron(k) && !network.isFrozen(s)) counts[network.level[k]] += 1;
    });
  return network.levels.map((level, k) => counts[k] > 2 * level.length);
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
 * @param {number} stageWidth
 * @param {number} stageHeight
 * @param {number[]} drawn
 * @param {number} screenScale the scale of text
 * @param {number} zoom
 * @returns {Layout}
 */
function layoutPopulation(run, stageWidth, stageHeight, drawn, screenScale, zoom) {
  const { network } = run;
  const textScale = screenScale * Math.sqrt(zoom);
  const narrow = (stageWidth * zoom) / network.levels.length < LEAST_COLUMN;
  const layers = narrow ? findLayers(network) : [];
  const f = measure(run, stageWidth, stageHeight, zoom, textScale, layers.length);
  const { width, height } = f;
  const x = new Float32Array(network.n);
  const y = new Float32Array(network.n);
  const half = (f.tall - 56) / 2;
  const gap = Math.min(48, (f.room / network.levels.length) * 0.28);
  // As many columns of cells as make the cells square and fill the height, with one size of cell
  // for all levels.
  const roomEach = f.room - gap * network.levels.length;
  const largest = (network.elements.isPlain ? 26 : 56) * zoom; // maps are larger
  let cell = largest;
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
  const high = Math.max(cell, Math.min(half / mostRows, 3 * cell, largest));
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
    w: f.narrow ? 66 : 104 * textScale,
    h: 62 * textScale,
  };
  return {
    mode: "population", width, height, textScale, radius: cell / 2,
    r: new Float32Array(network.n).fill(cell / 2), x, y, columns, drawn, grids,
    loss: f.hasLoss ? lossAt : null, picture: null, tile: 0, tiled: new Set(), bends: new Map(),
    layers,
  };
}
