// Where each neuron lives, as a map: the ground under it is its worker's, a dotted border is the cut between two workers,
// and a gate stands where a synapse crosses it.

import { css, mix, on } from "./colours.js";
import { ofSynapse, point } from "./curve.js";
import { listeners, ribbon } from "./wires.js";

/** @typedef {{shard: number, left: number, right: number, top: number, bottom: number, column: number}} Territory */

const [LARGE, GATES, DOTS] = [40, 160, 4000]; // at most so many crossings are large gates, gates, dots
const NAME = 14; // half of what a name above a small node takes: no border runs through it

/** The whole ground, column by column, each cut where the shard changes. @param {import("./layout.js").Layout} l
 *  @param {import("./data.js").Run} run @param {import("./machines.js").Machines} machines @returns {Territory[]} */
export function territories(l, run, machines) {
  const { network } = run;
  const last = l.columns.length - 1;
  return l.columns.flatMap(({ level, left, right }, column) => {
    const neurons = network.levels[level];
    const ends = { column, left: column ? Math.round(left) : 0, right: column < last || l.loss ? Math.round(right) : l.width };
    const alone = neurons.every((k) => machines.shard[k] === machines.shard[neurons[0]]);
    if (alone) return [{ ...ends, shard: machines.shard[neurons[0]], top: 0, bottom: l.height }];
    if (l.picture && level === 0) return []; // pixels of several shards
    if (l.mode === "nodes") return strips(neurons.map((k) => [l.y[k], machines.shard[k]]), 0, l.height, l.r[neurons[0]] < 20 ? NAME * l.letters : 0).map((strip) => ({ ...ends, ...strip }));
    // both fields: a row that two shards share counts to the first of them; between the cells themselves see `cellBorders`
    const grid = l.grids[level];
    const firsts = neurons.filter((_, place) => place % grid.columns === 0).map((k) => [l.y[k], machines.shard[k]]);
    const middle = (grid.said + grid.rows * grid.tall + grid.urged) / 2;
    const below = firsts.map(([y, shard]) => [y + grid.urged - grid.said, shard]);
    return [...strips(firsts, 0, middle), ...strips(below, middle, l.height)].map((strip) => ({ ...ends, ...strip }));
  });
}

/** @param {number[][]} places y and shard @param {number} top @param {number} bottom @param {number} [lift] of borders */
function strips(places, top, bottom, lift = 0) {
  const sorted = [...places].sort((a, b) => a[0] - b[0]);
  /** @type {{shard: number, top: number, bottom: number}[]} */
  const found = [];
  sorted.forEach(([y, shard], k) => {
    const open = found[found.length - 1];
    if (open?.shard === shard) return;
    const gap = k ? y - sorted[k - 1][0] : 0;
    const border = k ? Math.round(y - gap / 2 - Math.min(lift, gap / 5)) : top;
    if (open) open.bottom = border;
    found.push({ shard, top: border, bottom });
  });
  return found;
}

/** Where the ground changes hands: lines, each x1, y1, x2, y2. @param {Territory[]} ground @returns {number[][]} */
export function borders(ground) {
  const found = [];
  for (const a of ground) {
    for (const b of ground) {
      if (a.shard === b.shard) continue;
      const [top, bottom] = [Math.max(a.top, b.top), Math.min(a.bottom, b.bottom)];
      if (b.column === a.column + 1 && bottom > top) found.push([a.right, top, a.right, bottom]);
      if (b.column === a.column && a.bottom === b.top) found.push([a.left, a.bottom, a.right, a.bottom]);
    }
  }
  return found;
}

/** Where a line leaves the ground of its source: the gate. @param {Territory[]} ground @param {import("./curve.js").Curve} c
 *  @param {number} shard of its source @returns {[number, number]} */
export function gate(ground, c, shard) {
  const foreign = (/** @type {number} */ t) => {
    const [x, y] = point(c, t);
    const here = ground.find((one) => x >= one.left && x < one.right && y >= one.top && y < one.bottom);
    return here !== undefined && here.shard !== shard;
  };
  let [own, other] = [0, 0];
  while (other < 1 && !foreign(other)) [own, other] = [other, other + 1 / 32];
  if (!foreign(other)) return point(c, 0.5); // it ends on the border
  for (let k = 0; k < 8; k++) {
    const middle = (own + other) / 2;
    if (foreign(middle)) other = middle;
    else own = middle;
  }
  return point(c, other);
}

/** A worker's colour. @param {import("./scene.js").Scene} scene @param {number} shard */
export function workerColour(scene, shard) {
  const { workers } = scene.colours;
  return workers[/** @type {import("./machines.js").Machines} */ (scene.machines).of(scene.info, shard) % workers.length];
}

/** The ground and its borders, below all else. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
export function drawGround(ctx, scene) {
  const { colours } = scene;
  const ground = scene.ground();
  for (const { shard, left, right, top, bottom } of ground) {
    ctx.fillStyle = css(mix(colours.paper, workerColour(scene, shard), colours.ground));
    ctx.fillRect(left, top, right - left, bottom - top);
  }
  ctx.strokeStyle = css(colours.ink, 0.75);
  ctx.lineWidth = 2.6;
  ctx.lineCap = "round";
  ctx.setLineDash([0.1, 7]);
  ctx.beginPath();
  for (const [x1, y1, x2, y2] of borders(ground)) {
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineCap = "butt";
}

/** A gate on each synapse that crosses, over the wires; dots where there are many. @param {CanvasRenderingContext2D} ctx
 *  @param {import("./scene.js").Scene} scene */
export function drawGates(ctx, scene) {
  const { layout: l, network, colours, lit } = scene;
  const machines = /** @type {import("./machines.js").Machines} */ (scene.machines);
  if (l.mode === "population") return;
  const ground = scene.ground();
  /** @type {number[]} */
  const drawn = [];
  for (let s = 0; s < network.sources.length; s++) {
    if (machines.crosses(s) && !(l.picture && network.isInput(network.sources[s]))) drawn.push(s);
  }
  const many = drawn.length > GATES;
  const put = (/** @type {[number, number]} */ [x, y], /** @type {boolean} */ isLit) => {
    const size = many && !isLit ? 1.6 : drawn.length > LARGE && !isLit ? 3.2 : 4.4;
    ctx.globalAlpha = lit !== null && !isLit ? 0.35 : 1;
    ctx.fillStyle = css(many && !isLit ? colours.ink : colours.paper, many && !isLit ? 0.6 : 1);
    ctx.strokeStyle = css(colours.ink);
    ctx.lineWidth = size < 4 ? 1.3 : 1.8;
    ctx.beginPath();
    ctx.rect(x - size, y - size, 2 * size, 2 * size);
    ctx.fill();
    if (!many || isLit) ctx.stroke();
  };
  const places = scene.cached("gates", () => new Map(drawn.slice(0, DOTS).map((s) => [s, gate(ground, ofSynapse(l, network, s), machines.shard[network.sources[s]])])));
  for (const [s, place] of places) if (!lit?.wires.has(s)) put(place, false);
  for (const [s, place] of places) if (lit?.wires.has(s)) put(place, true);
  if (l.picture && ground[0]?.column === 0) {
    const { shard } = ground[0];
    for (const k of listeners(scene)) {
      if (machines.shard[k] !== shard) put(gate(ground, ribbon(scene, k), shard), network.incoming(k).some((s) => lit?.wires.has(s)));
    }
  }
  ctx.globalAlpha = 1;
}

/** Between cells of different shards a line, in both fields. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
export function cellBorders(ctx, scene) {
  const { layout: l } = scene;
  const { shard } = /** @type {import("./machines.js").Machines} */ (scene.machines);
  ctx.strokeStyle = css(scene.colours.ink);
  ctx.lineWidth = 2;
  ctx.beginPath();
  for (const grid of l.grids) {
    grid.neurons.forEach((k, place) => {
      for (const y of [grid.said, grid.urged]) {
        const [left, top] = [grid.x + (place % grid.columns) * grid.cell, y + Math.floor(place / grid.columns) * grid.tall];
        const [beside, under] = [grid.neurons[place + 1], grid.neurons[place + grid.columns]];
        if (beside !== undefined && (place + 1) % grid.columns && shard[beside] !== shard[k]) ctx.rect(left + grid.cell, top, 0, grid.tall);
        if (under !== undefined && shard[under] !== shard[k]) ctx.rect(left, top + grid.tall, grid.cell, 0);
      }
    });
  }
  ctx.stroke();
}

/** Whose ground it is, where there is room. @param {import("./labels.js").Labels} labels @param {import("./scene.js").Scene} scene */
export function writeGround(labels, scene) {
  const { layout: l, colours, say, info } = scene;
  const machines = /** @type {import("./machines.js").Machines} */ (scene.machines);
  const ground = scene.ground();
  for (let shard = 0; shard < machines.shards; shard++) {
    const own = ground.filter((one) => one.shard === shard);
    const colour = workerColour(scene, shard);
    const how = /** @type {const} */ ({ size: 13, bold: true, align: "left", pill: css(colour), colour: css(on(colours, colour)) });
    const places = own.flatMap(({ left, top, bottom }) => [top + 14 * l.letters, bottom - 13 * l.letters].map((y) => /** @type {[number, number]} */ ([left + 8, y])));
    const values = { worker: machines.of(info, shard), shard };
    const wide = Math.max(0, ...own.map((one) => one.right - one.left));
    if (wide < 130 * l.letters && own.length < 2) labels.put(say("workerShort", values), places, how);
    else if (!labels.put(say("workerShard", values), places, how)) labels.put(say("workerShort", values), places, how);
  }
}
