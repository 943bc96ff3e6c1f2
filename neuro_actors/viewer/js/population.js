// Many neurons: a level is two fields of cells, above what they say, below how urgently they should say more.

import { css, fill } from "./colours.js";
import { ofSynapse } from "./curve.js";
import { urgedAt } from "./levels.js";
import { lowered } from "./messages.js";
import { count } from "./numbers.js";
import { image } from "./pictures.js";
import { thread } from "./threads.js";
import { present } from "./waves.js";

/** @param {CanvasRenderingContext2D} ctx @param {import("./labels.js").Labels} labels @param {import("./scene.js").Scene} scene */
export function drawPopulation(ctx, labels, scene) {
  const { layout: l, view, waves, t, colours, scales, say } = scene;
  const known = { said: (/** @type {number} */ k) => waves.hasFired(k, t), urged: (/** @type {number} */ k) => waves.isUrged(k, t) };
  for (const grid of l.grids) {
    const stamp = `${grid.level} ${grid.neurons.map((k) => (known.said(k) ? 1 : 0) + (known.urged(k) ? 2 : 0)).reduce((sum, n) => sum + n, 0)}`;
    for (const [field, values, most] of /** @type {[("said" | "urged"), any, number][]} */ ([
      ["said", view.a, scales.activation],
      ["urged", view.u, scales.urgency],
    ])) {
      const cells = scene.cached(`${field} ${stamp}`, () =>
        image(grid.columns, grid.rows, (place) => {
          const k = grid.neurons[place];
          if (k === undefined) return [];
          return known[field](k) && values[k] === values[k] ? fill(colours, values[k], most) : colours.empty;
        }),
      );
      drawField(ctx, scene, grid, field, cells);
      if (field === "said" && grid.cell >= 5) crossDead(ctx, scene, grid);
    }
    const column = l.columns[grid.level];
    labels.reserve(column.x, grid.said + (grid.rows * grid.tall) / 2, grid.columns * grid.cell, grid.rows * grid.tall);
    labels.reserve(column.x, grid.urged + (grid.rows * grid.tall) / 2, grid.columns * grid.cell, grid.rows * grid.tall);
  }
  const top = Math.min(...l.grids.map((grid) => grid.said));
  const low = Math.min(...l.grids.map((grid) => grid.urged));
  title(labels, scene, say("activations"), top - 16);
  title(labels, scene, say("urgencies"), low - 16);
  const roomy = l.columns.every((column) => column.right - column.left > 84);
  const legible = l.columns.every((column) => column.right - column.left > 22);
  for (const grid of legible ? l.grids : []) {
    const column = l.columns[grid.level];
    const [bottom, wide] = [l.height - 14, column.right - column.left];
    const text = say(roomy ? "levelOf" : "bare", { level: grid.level, n: count(grid.neurons.length) });
    labels.put(text, [[column.x, bottom]], { size: 13, colour: css(colours.muted), within: wide });
  }
  marks(ctx, scene);
}

/** A cross on each dead neuron. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene @param {import("./layout.js").Grid} grid */
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

/** What a row of fields shows; before the colon alone where there is no room for all of it.
 *  @param {import("./labels.js").Labels} labels @param {import("./scene.js").Scene} scene @param {string} text @param {number} y */
function title(labels, scene, text, y) {
  const { layout: l } = scene;
  const how = /** @type {const} */ ({ size: 14, bold: true, align: "left", over: true });
  const room = (l.loss ? l.loss.x - l.loss.w / 2 : l.width) - l.columns[0].left;
  labels.put(text.length * 8 > room ? text.split(":")[0].trim() : text, [[l.columns[0].left, y]], how);
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene @param {import("./layout.js").Grid} grid
 *  @param {"said" | "urged"} field @param {HTMLCanvasElement} cells */
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
  const wave = present(t);
  const active = grid.neurons.some((k) => (field === "said" ? waves.says[k] - 1 === wave : waves.urged[k] === wave));
  if (active && t < waves.count) {
    ctx.strokeStyle = css(scene.colours.accent);
    ctx.lineWidth = 2;
    ctx.strokeRect(x - 4, y - 4, w + 8, h + 8);
  }
}

/** Frames the chosen neuron in both fields; its wires of urgencies below. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
function marks(ctx, scene) {
  const { layout: l, network, state, colours, lit, run, view, scales } = scene;
  if (lit !== null) {
    for (const s of lit.wires) {
      thread(ctx, scene, ofSynapse(l, network, s), view.weights[s], scales.weight);
      if (scene.waves.urged[network.sources[s]] >= 0 && scene.waves.isUrged(network.targets[s], scene.t)) thread(ctx, scene, lowered(scene, s), run.urgency(view, s), scales.message);
    }
  }
  for (const [thing, alpha] of /** @type {[any, number][]} */ ([[state.hover, 0.7], [state.chosen, 1]])) {
    if (thing?.kind !== "neuron") continue;
    ctx.strokeStyle = css(colours.accent, alpha);
    ctx.lineWidth = 2.5;
    const [w, h] = [2 * l.radius, l.grids[0].tall].map((size) => Math.max(8, size + 3));
    for (const y of [l.y[thing.k], urgedAt(l, network, thing.k)]) ctx.strokeRect(l.x[thing.k] - w / 2, y - h / 2, w, h);
  }
}
