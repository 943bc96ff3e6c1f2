// A map of the workers: the ground under a neuron has its worker's colour, a dotted line is the
// border between two workers, and a gate marks each synapse that crosses it.

import { css, mix, on } from "./colours.js";
import { ofSynapse, point } from "./curve.js";
import { pictureFollowers, ribbon } from "./synapses.js";

/**
 * @typedef {{shard: number, left: number, right: number, top: number, bottom: number, column:
 *   number}} Area
 */

// how many crossings are drawn at most as large gates, as gates, as dots
const [LARGE, GATES, DOTS] = [40, 160, 4000];
const NAME = 14; // half the height of a name above a small node, so that no border runs through it

/**
 * Divide the whole ground into areas: column by column, with a cut where the shard changes.
 * @param {import("./layout.js").Layout} l
 * @param {import("./data.js").Run} run
 * @param {import("./placement.js").Placement} placement
 * @returns {Area[]}
 */
export function makeAreas(l, run, placement) {
  const { network } = run;
  const last = l.columns.length - 1;
  return l.columns.flatMap(({ level, left, right }, column) => {
    const neurons = network.levels[level];
    const ends = {
      column,
      left: column ? Math.round(left) : 0,
      right: column < last || l.loss ? Math.round(right) : l.width,
    };
    const alone = neurons.every((k) => placement.shard[k] === placement.shard[neurons[0]]);
    if (alone) return [{ ...ends, shard: placement.shard[neurons[0]], top: 0, bottom: l.height }];
    if (l.picture && level === 0) return []; // the pixels belong to several shards
    if (l.mode === "nodes")
      return strips(
        neurons.map((k) => [l.y[k], placement.shard[k]]),
        0,
        l.height,
        l.r[neurons[0]] < 20 ? NAME * l.textScale : 0,
      ).map((strip) => ({ ...ends, ...strip }));
    // In both fields a row of cells that belongs to two shards counts as the first one's;
    // `drawCellBorders` draws the borders between the cells themselves.
    const grid = l.grids[level];
    const firsts = neurons.filter((_, place) =>
      place % grid.columns === 0,
    ).map((k) => [l.y[k], placement.shard[k]]);
    const middle = (grid.activationTop + grid.rows * grid.tall + grid.urgencyTop) / 2;
    const below = firsts.map(([y, shard]) => [y + grid.urgencyTop - grid.activationTop, shard]);
    return [
      ...strips(firsts, 0, middle),
      ...strips(below, middle, l.height),
    ].map((strip) => ({ ...ends, ...strip }));
  });
}

/**
 * Divide a column into strips of one shard each.
 * @param {number[][]} places y and shard of each neuron
 * @param {number} top
 * @param {number} bottom
 * @param {number} [lift] how much higher than the middle a border is
 */
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

/**
 * The borders between areas of different shards, each as x1, y1, x2, y2.
 * @param {Area[]} ground
 * @returns {number[][]}
 */
export function borders(ground) {
  const found = [];
  for (const a of ground) {
    for (const b of ground) {
      if (a.shard === b.shard) continue;
      const [top, bottom] = [Math.max(a.top, b.top), Math.min(a.bottom, b.bottom)];
      if (b.column === a.column + 1 && bottom > top) found.push([a.right, top, a.right, bottom]);
      if (b.column === a.column && a.bottom === b.top)
        found.push([a.left, a.bottom, a.right, a.bottom]);
    }
  }
  return found;
}

/**
 * The point where a synapse's curve leaves the ground of its source.
 * @param {Area[]} ground
 * @param {import("./curve.js").Curve} c
 * @param {number} shard the source's
 * @returns {[number, number]}
 */
export function gatePoint(ground, c, shard) {
  const foreign = (/** @type {number} */ t) => {
    const [x, y] = point(c, t);
    const here = ground.find((one) =>
      x >= one.left && x < one.right && y >= one.top && y < one.bottom,
    );
    return here !== undefined && here.shard !== shard;
  };
  let [own, other] = [0, 0];
  while (other < 1 && !foreign(other)) [own, other] = [other, other + 1 / 32];
  if (!foreign(other)) return point(c, 0.5); // the curve ends on the border
  for (let k = 0; k < 8; k++) {
    const middle = (own + other) / 2;
    if (foreign(middle)) other = middle;
    else own = middle;
  }
  return point(c, other);
}

/**
 * @type {WeakMap<import("./layout.js").Layout, {ground: Area[], gates: Map<number, [number,
 *   number]>}>}
 */
const maps = new WeakMap(); // one map per layout, the same for all steps

/**
 * The areas of all workers, and the gate of each synapse that crosses and is drawn.
 * @param {import("./scene.js").Scene} scene
 */
export function mapOf(scene) {
  const { layout: l, network, run } = scene;
  const placement = /** @type {import("./placement.js").Placement} */ (scene.placement);
  let found = maps.get(l);
  if (!found) {
    const ground = makeAreas(l, run, placement);
    const crossing = [...network.sources.keys()].filter((s) =>
      placement.crosses(s) && !(l.picture && network.isInput(network.sources[s])),
    );
    const drawn = l.mode === "population" ? [] : crossing.slice(0, DOTS);
    found = {
      ground,
      gates: new Map(
        drawn.map((s) =>
          [s, gatePoint(ground, ofSynapse(l, network, s), placement.shard[network.sources[s]])],
        ),
      ),
    };
    maps.set(l, found);
  }
  return found;
}

/**
 * The colour of a shard's worker.
 * @param {import("./scene.js").Scene} scene
 * @param {number} shard
 */
export function workerColour(scene, shard) {
  const { workers } = scene.colours;
  const placement = /** @type {import("./placement.js").Placement} */ (scene.placement);
  return workers[placement.workerOf(scene.info, shard) % workers.length];
}

/**
 * Draw the ground and its borders, below everything else.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
export function drawGround(ctx, scene) {
  const { colours } = scene;
  const { ground } = mapOf(scene);
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

/**
 * Draw a gate on each synapse that crosses, or dots if there are many.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
export function drawGates(ctx, scene) {
  const { layout: l, network, colours, lit } = scene;
  const placement = /** @type {import("./placement.js").Placement} */ (scene.placement);
  if (l.mode === "population") return;
  const { ground, gates } = mapOf(scene);
  const many = gates.size > GATES;
  const put = (/** @type {[number, number]} */ [x, y], /** @type {boolean} */ isLit) => {
    const size = many && !isLit ? 1.6 : gates.size > LARGE && !isLit ? 3.2 : 4.4;
    ctx.globalAlpha = lit !== null && !isLit ? 0.35 : 1;
    ctx.fillStyle = css(many && !isLit ? colours.ink : colours.paper, many && !isLit ? 0.6 : 1);
    ctx.strokeStyle = css(colours.ink);
    ctx.lineWidth = size < 4 ? 1.3 : 1.8;
    ctx.beginPath();
    ctx.rect(x - size, y - size, 2 * size, 2 * size);
    ctx.fill();
    if (!many || isLit) ctx.stroke();
  };
  for (const [s, place] of gates) if (!lit?.synapses.has(s)) put(place, false);
  for (const [s, place] of gates) if (lit?.synapses.has(s)) put(place, true);
  if (l.picture && ground[0]?.column === 0) {
    const { shard } = ground[0];
    for (const k of pictureFollowers(scene)) {
      if (placement.shard[k] !== shard)
        put(
          gatePoint(ground, ribbon(scene, k), shard),
          network.incoming(k).some((s) => lit?.synapses.has(s)),
        );
    }
  }
  ctx.globalAlpha = 1;
}

/**
 * Draw a line between cells of different shards, in both fields.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
export function drawCellBorders(ctx, scene) {
  const { layout: l } = scene;
  const { shard } = /** @type {import("./placement.js").Placement} */ (scene.placement);
  ctx.strokeStyle = css(scene.colours.ink);
  ctx.lineWidth = 2;
  ctx.beginPath();
  for (const grid of l.grids) {
    grid.neurons.forEach((k, place) => {
      for (const y of [grid.activationTop, grid.urgencyTop]) {
        const [left, top] = [
          grid.x + (place % grid.columns) * grid.cell,
          y + Math.floor(place / grid.columns) * grid.tall,
        ];
        const [beside, under] = [grid.neurons[place + 1], grid.neurons[place + grid.columns]];
        if (beside !== undefined && (place + 1) % grid.columns && shard[beside] !== shard[k])
          ctx.rect(left + grid.cell, top, 0, grid.tall);
        if (under !== undefined && shard[under] !== shard[k])
          ctx.rect(left, top + grid.tall, grid.cell, 0);
      }
    });
  }
  ctx.stroke();
}

/**
 * Write each worker's name on its ground, if there is room.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function writeGround(labels, scene) {
  const { layout: l, colours, say, info } = scene;
  const placement = /** @type {import("./placement.js").Placement} */ (scene.placement);
  const { ground, gates } = mapOf(scene);
  for (const [s, [x, y]] of gates) if (scene.lit?.synapses.has(s)) labels.reserve(x, y, 10, 10);
  for (let shard = 0; shard < placement.shards; shard++) {
    const own = ground.filter((one) => one.shard === shard);
    const colour = workerColour(scene, shard);
    const how = /** @type {const} */ (
      { size: 13, bold: true, align: "left", pill: css(colour), colour: css(on(colours, colour)) }
    );
    const places = own.flatMap(({ left, top, bottom }) =>
      [top + 14 * l.textScale, bottom - 13 * l.textScale].map((y) =>
        /** @type {[number, number]} */ ([left + 8, y]),
      ),
    );
    const values = { worker: placement.workerOf(info, shard), shard };
    const wide = Math.max(0, ...own.map((one) => one.right - one.left));
    if (wide < 130 * l.textScale && own.length < 2)
      labels.put(say("workerShort", values), places, how);
    else if (!labels.put(say("workerShard", values), places, how))
      labels.put(say("workerShort", values), places, how);
  }
}
