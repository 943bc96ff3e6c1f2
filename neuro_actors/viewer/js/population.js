// Many neurons: each level is two fields of cells, activations above and urgencies below.

import { arrangementOf } from "./attention.js";
import { css, fill } from "./colours.js";
import { ofSynapse } from "./curve.js";
import { urgencyY } from "./urgency_y.js";
import { lowered } from "./messages.js";
import { drawMap, mapBox, mapImage } from "./maps.js";
import { count } from "./numbers.js";
import { image } from "./pictures.js";
import { drawThinLine } from "./thin_lines.js";
import { currentWave } from "./waves.js";

const LEAST_WITH_MAP = 12; // pixels of a cell that has room for a map

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function drawPopulation(ctx, labels, scene) {
  const { layout: l, view, waves, t, colours, scales, say } = scene;
  const isKnown = {
    activationTop: (/** @type {number} */ k) => waves.hasFired(k, t),
    urgencyTop: (/** @type {number} */ k) => waves.isUrged(k, t),
  };
  for (const grid of l.grids) {
    const knownNumbers = grid.neurons.reduce(
      (sum, k) => sum + (isKnown.activationTop(k) ? 1 : 0) + (isKnown.urgencyTop(k) ? 2 : 0),
      0,
    );
    const stamp = `${grid.level} ${knownNumbers}`;
    /** @type {["activationTop" | "urgencyTop", any, number][]} */
    const fields = [
      ["activationTop", view.a, scales.activation],
      ["urgencyTop", view.u, scales.urgency],
    ];
    for (const [field, values, most] of fields) {
      const cells = scene.cached(`${field} ${stamp}`, () =>
        image(grid.columns, grid.rows, (place) => {
          const k = grid.neurons[place];
          if (k === undefined) return [];
          return isKnown[field](k) && values[k] === values[k]
            ? fill(colours, values[k], most)
            : colours.empty;
        }),
      );
      drawField(ctx, scene, grid, field, cells);
      if (grid.cell >= LEAST_WITH_MAP && !scene.network.elements.isPlain)
        drawCellMaps(ctx, scene, grid, field, isKnown[field]);
      if (field === "activationTop" && grid.cell >= 5) crossDead(ctx, scene, grid);
    }
    const column = l.columns[grid.level];
    labels.reserve(
      column.x,
      grid.activationTop + (grid.rows * grid.tall) / 2,
      grid.columns * grid.cell,
      grid.rows * grid.tall,
    );
    labels.reserve(
      column.x,
      grid.urgencyTop + (grid.rows * grid.tall) / 2,
      grid.columns * grid.cell,
      grid.rows * grid.tall,
    );
  }
  const top = Math.min(...l.grids.map((grid) => grid.activationTop));
  const low = Math.min(...l.grids.map((grid) => grid.urgencyTop));
  title(labels, scene, say("activations"), top - 16);
  title(labels, scene, say("urgencies"), low - 16);
  const roomy = l.columns.every((column) => column.right - column.left > 84);
  const legible = l.columns.every((column) => column.right - column.left > 22);
  for (const grid of legible && !l.layers.length ? l.grids : []) {
    const column = l.columns[grid.level];
    const [bottom, wide] = [l.height - 14, column.right - column.left];
    const text = say(
      roomy ? "levelOf" : "bare",
      { level: grid.level, n: count(grid.neurons.length) },
    );
    labels.put(text, [[column.x, bottom]], { size: 13, colour: css(colours.muted), within: wide });
  }
  marks(ctx, scene);
}

/**
 * Draw the numbers of neurons at all their positions in their cells.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {import("./layout.js").Grid} grid
 * @param {"activationTop" | "urgencyTop"} field
 * @param {(k: number) => boolean} isKnown whether a neuron has them at this moment
 */
function drawCellMaps(ctx, scene, grid, field, isKnown) {
  const { network, colours, scales } = scene;
  const isUrgency = field === "urgencyTop";
  const most = isUrgency ? scales.urgency : scales.activation;
  grid.neurons.forEach((k, place) => {
    if (network.positions(k) < 2 || !isKnown(k)) return;
    const a = arrangementOf(network, k);
    const x = grid.x + ((place % grid.columns) + 0.5) * grid.cell;
    const y = grid[field] + (Math.floor(place / grid.columns) + 0.5) * grid.tall;
    const box = mapBox(a, x, y, Math.min(grid.cell, grid.tall) - 2);
    ctx.fillStyle = css(colours.paper);
    ctx.fillRect(x - grid.cell / 2, y - grid.tall / 2, grid.cell, grid.tall);
    const values = scene.map(k, isUrgency ? "urgencies" : "activations");
    const cells = scene.cached(`map ${k} ${isUrgency}`, () => mapImage(a, values, colours, most));
    drawMap(ctx, a, values, box, colours, most, cells);
    ctx.strokeStyle = css(colours.line);
    ctx.lineWidth = 1;
    ctx.strokeRect(box.x, box.y, box.w, box.h);
  });
}

/**
 * Draw a cross on each dead neuron.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {import("./layout.js").Grid} grid
 */
function crossDead(ctx, scene, grid) {
  const { layout: l, run, view, waves, t } = scene;
  const size = Math.min(grid.cell * 0.26, 4);
  ctx.strokeStyle = css(scene.colours.ink, 0.7);
  ctx.lineWidth = 1.2;
  ctx.beginPath();
  for (const k of grid.neurons) {
    if (!waves.hasFired(k, t) || run.stuck(view, k) !== "dead") continue;
    for (const way of [-1, 1]) {
      ctx.moveTo(l.x[k] - size, l.y[k] - way * size);
      ctx.lineTo(l.x[k] + size, l.y[k] + way * size);
    }
  }
  ctx.stroke();
}

/**
 * Write the title of a row of fields; only the part before the colon if there is too little room.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {string} text
 * @param {number} y
 */
function title(labels, scene, text, y) {
  const { layout: l } = scene;
  const how = /** @type {const} */ ({ size: 14, bold: true, align: "left", over: true });
  const room = (l.loss ? l.loss.x - l.loss.w / 2 : l.width) - l.columns[0].left;
  labels.put(
    text.length * 8 > room ? text.split(":")[0].trim() : text,
    [[l.columns[0].left, y]],
    how,
  );
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {import("./layout.js").Grid} grid
 * @param {"activationTop" | "urgencyTop"} field
 * @param {HTMLCanvasElement} cells
 */
function drawField(ctx, scene, grid, field, cells) {
  const [x, y, w, h] = [grid.x, grid[field], grid.columns * grid.cell, grid.rows * grid.tall];
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(cells, x, y, w, h);
  if (grid.cell >= 6) {
    ctx.strokeStyle = css(scene.colours.paper, 0.75);
    ctx.lineWidth = grid.cell >= 12 ? 1.5 : 1;
    ctx.beginPath();
    for (let k = 0; k <= grid.columns; k++) ctx.rect(x + k * grid.cell, y, 0, h);
    for (let k = 0; k <= grid.rows; k++) ctx.rect(x, y + k * grid.tall, w, 0);
    ctx.stroke();
  }
  const { waves, t } = scene;
  const wave = currentWave(t);
  const active = grid.neurons.some((k) =>
    (field === "activationTop" ? waves.sends[k] - 1 === wave : waves.urged[k] === wave),
  );
  if (active && t < waves.count) {
    ctx.strokeStyle = css(scene.colours.accent);
    ctx.lineWidth = 2;
    ctx.strokeRect(x - 4, y - 4, w + 8, h + 8);
  }
}

/**
 * Frame the chosen neuron in both fields, and draw its synapses.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
function marks(ctx, scene) {
  const { layout: l, network, state, colours, lit, run, view, scales } = scene;
  if (lit !== null) {
    for (const s of lit.synapses) {
      drawThinLine(ctx, scene, ofSynapse(l, network, s), view.weights[s], scales.weight);
      if (
        scene.waves.urged[network.sources[s]] >= 0
        && scene.waves.isUrged(network.targets[s], scene.t)
      )
        drawThinLine(ctx, scene, lowered(scene, s), run.urgency(view, s), scales.message);
    }
  }
  /** @type {[any, number][]} */
  const things = [[state.hover, 0.7], [state.chosen, 1]];
  for (const [thing, alpha] of things) {
    if (thing?.kind !== "neuron") continue;
    ctx.strokeStyle = css(colours.accent, alpha);
    ctx.lineWidth = 2.5;
    const [w, h] = [2 * l.radius, l.grids[0].tall].map((size) => Math.max(8, size + 3));
    for (const y of [l.y[thing.k], urgencyY(l, network, thing.k)])
      ctx.strokeRect(l.x[thing.k] - w / 2, y - h / 2, w, h);
  }
}
