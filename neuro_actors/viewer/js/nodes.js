// Neurons as nodes: the fill is the activation, the ring around it the urgency.

import { css, fill, mix, on, strength } from "./colours.js";
import { plain } from "./labels.js";
import { nameRoom } from "./layout.js";
import { count, fine, rounded, short, signed } from "./numbers.js";

const TAU = 2 * Math.PI;

/** @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
export function drawNodes(ctx, scene) {
  for (const k of scene.layout.drawn) node(ctx, scene, k);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
function node(ctx, scene, k) {
  const { layout: l, view, waves, t, colours, scales, lit, state, run } = scene;
  const [x, y, r] = [l.x[k], l.y[k], l.r[k]];
  const fired = waves.hasFired(k, t) && view.a[k] === view.a[k];
  const urged = waves.isUrged(k, t) && view.u[k] === view.u[k];
  const fresh = scene.moving ? Math.max(0, 1 - (t - waves.sends[k]) / 0.35) : 0;
  ctx.globalAlpha = lit !== null && !lit.neurons.has(k) ? 0.35 : 1;
  const ground = fired ? fill(colours, view.a[k], scales.activation) : colours.empty;
  if (fired && fresh > 0 && fresh <= 1) {
    ctx.strokeStyle = css(view.a[k] < 0 ? colours.minus : colours.plus, fresh * 0.7);
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.arc(x, y, r + 4 + (1 - fresh) * r * 0.6, 0, TAU);
    ctx.stroke();
  }
  const stuck = fired ? run.stuck(view, k) : "";
  ctx.fillStyle = css(ground);
  ctx.strokeStyle = css(mix(colours.ink, colours.paper, stuck ? 0.3 : 0.42));
  ctx.lineWidth = r >= 9 ? 1.5 : 1;
  ctx.setLineDash(stuck ? [3, 3] : []);
  shape(ctx, scene, k, x, y, r);
  ctx.fill();
  ctx.stroke();
  ctx.setLineDash([]);
  if (urged && r >= 3) ring(ctx, scene, x, y, r, view.u[k]);
  if (stuck === "dead") cross(ctx, scene, x, y, r);
  const isChosen = state.chosen?.kind === "neuron" && state.chosen.k === k;
  if (isChosen || (state.hover?.kind === "neuron" && state.hover.k === k)) {
    ctx.strokeStyle = css(colours.accent, isChosen ? 1 : 0.7);
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.arc(x, y, r + (r >= 20 ? 15 : r >= 9 ? 9 : 5), 0, TAU);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** Trace the outline: neurons are round, inputs are square. */
function shape(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {import("./scene.js").Scene} */ scene,
  /** @type {number} */ k,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ r,
) {
  ctx.beginPath();
  if (scene.network.isInput(k))
    ctx.roundRect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84, r * 0.28);
  else ctx.arc(x, y, r, 0, TAU);
}

/**
 * Draw the urgency: a ring with a tip that points up (a larger activation) or down (a smaller one).
 */
function ring(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {import("./scene.js").Scene} */ scene,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ r,
  /** @type {number} */ u,
) {
  const { colours, scales } = scene;
  const strong = strength(u, scales.urgency);
  const apart = r >= 20 ? 5 : r >= 9 ? 3.5 : 2;
  if (strong < 0.02) {
    ctx.strokeStyle = css(colours.muted, 0.7);
    ctx.lineWidth = 1;
    ctx.setLineDash([1.5, 4]);
  } else {
    ctx.strokeStyle = css(u < 0 ? colours.minus : colours.plus);
    ctx.lineWidth = (r >= 20 ? 1.5 : 1) + (r >= 9 ? 4.5 : 2) * strong;
  }
  ctx.beginPath();
  ctx.arc(x, y, r + apart + ctx.lineWidth / 2 - 0.5, 0, TAU);
  ctx.stroke();
  ctx.setLineDash([]);
  if (r >= 9 && strong >= 0.02) {
    const size = r >= 20 ? 6 : 4;
    const way = u > 0 ? -1 : 1;
    const at = y + way * (r + apart - 1);
    ctx.fillStyle = css(u < 0 ? colours.minus : colours.plus);
    ctx.beginPath();
    ctx.moveTo(x - size, at);
    ctx.lineTo(x + size, at);
    ctx.lineTo(x, at + way * size * 1.9);
    ctx.fill();
  }
}

function cross(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {import("./scene.js").Scene} */ scene,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ r,
) {
  const d = r * 0.42;
  const lift = r >= 20 ? r * 0.5 : 0;
  const size = lift ? d * 0.5 : d;
  ctx.strokeStyle = css(scene.colours.ink, 0.75);
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x - size, y - size - lift);
  ctx.lineTo(x + size, y + size - lift);
  ctx.moveTo(x + size, y - size - lift);
  ctx.lineTo(x - size, y + size - lift);
  ctx.stroke();
}

/**
 * Write the names and numbers of nodes.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function writeNodes(labels, scene) {
  const { layout: l, view, waves, t, colours, network, scales } = scene;
  for (const k of l.drawn) labels.reserve(l.x[k], l.y[k], 2 * l.r[k] + 4, 2 * l.r[k] + 4);
  for (const k of l.drawn) {
    const [x, y, r] = [l.x[k], l.y[k], l.r[k]];
    const faded = scene.lit !== null && !scene.lit.neurons.has(k);
    const ink = css(colours.ink, faded ? 0.5 : 1);
    const column = l.columns[network.level[k]];
    const within = Math.max(2 * r + 10, column.right - column.left - 12);
    const above = /** @type {[number, number][]} */ (
      [[x, y - r - (r >= 20 ? 27 : r >= 9 ? 21 : 15) - 8 * (l.textScale - 1)]]
    );
    if (r < 20) {
      const aside = network.level[k] === 0 || network.outputOf.has(k);
      const over = [scene.state.chosen, scene.state.hover].some((thing) =>
        thing?.kind === "neuron" && thing.k === k,
      );
      const how = { size: 13, bold: true, colour: ink, within, over };
      if (over || column.spacing >= 2 * r + nameRoom(r, l.textScale) - 0.01)
        labels.put(plain(network.ids[k]), above, how);
      else if (aside && column.spacing >= 17) nameAside(labels, scene, k, ink);
      continue;
    }
    labels.put(
      plain(network.ids[k]),
      above,
      { size: 14, bold: true, colour: ink, over: true, within },
    );
    if (waves.hasFired(k, t)) {
      const ground = fill(colours, view.a[k], scales.activation);
      const text = short(view.a[k]);
      const size = Math.max(
        10.5,
        Math.min(18, (r * 0.46) / l.textScale, (1.8 * r - 2) / (0.58 * l.textScale * text.length)),
      );
      labels.put(
        text,
        [[x, y]],
        { size, bold: true, colour: css(on(colours, ground), faded ? 0.6 : 1), over: true },
      );
    }
    if (waves.isUrged(k, t) && view.u[k] === view.u[k]) {
      labels.put(
        `u ${fine(view.u[k])}`,
        [[x, y + r + 27 + 8 * (l.textScale - 1)]],
        { size: 13, colour: css(colours.muted, faded ? 0.6 : 1), over: true },
      );
    }
  }
}

/**
 * Write under each column which level it is, and how many neurons it has.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function writeLevels(labels, scene) {
  const { layout: l, network, colours, say } = scene;
  const colour = css(colours.muted);
  for (const column of l.columns) {
    const n = network.levels[column.level].length;
    const wide = column.right - column.left - 8;
    const key = column.level === 0 ? "inputsOf" : n === 1 ? "neuronOf" : "neuronsOf";
    const text = say(wide < 110 * l.textScale ? "bare" : key, { level: column.level, n: count(n) });
    if (n && wide > 20)
      labels.put(text, [[column.x, l.height - 12]], { size: 13, colour, within: wide });
  }
}

/**
 * Write a name beside a small node, if there is room.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {string} colour
 */
function nameAside(labels, scene, k, colour) {
  const { layout: l, network } = scene;
  const first = network.level[k] === 0;
  if (!first && roomAfter(scene, k) < 56) return;
  const x = first ? l.x[k] - l.r[k] - 8 : l.x[k] + l.r[k] + 10;
  labels.put(
    plain(network.ids[k], 10),
    [[x, first ? l.y[k] : l.y[k] - 12]],
    { size: 13, colour, align: first ? "right" : "left" },
  );
}

/**
 * The distance between an output and the loss.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 */
function roomAfter(scene, k) {
  const { layout: l } = scene;
  return (l.loss ? l.loss.x - l.loss.w / 2 : l.width) - l.x[k] - l.r[k];
}

/**
 * Draw the loss node and the targets.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function drawLoss(ctx, labels, scene) {
  const { layout: l, view, waves, t, colours, state, network, say } = scene;
  if (!l.loss || scene.info.loss === null) return;
  const { x, y, w, h } = l.loss;
  const known = t >= waves.toLoss + 1 && view.loss === view.loss;
  const isChosen = state.chosen?.kind === "loss";
  ctx.globalAlpha = scene.lit !== null && !scene.lit.loss ? 0.4 : 1;
  ctx.fillStyle = css(known ? mix(colours.paper, colours.loss, 0.16) : colours.empty);
  ctx.strokeStyle = css(colours.loss);
  ctx.lineWidth = 2.5;
  ctx.beginPath();
  ctx.roundRect(x - w / 2, y - h / 2, w, h, 14);
  ctx.fill();
  ctx.stroke();
  if (isChosen || state.hover?.kind === "loss") {
    ctx.strokeStyle = css(colours.accent);
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.roundRect(x - w / 2 - 6, y - h / 2 - 6, w + 12, h + 12, 18);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  labels.put(say("loss"), [[x, y - h / 2 - 16]], { size: 14, bold: true, over: true });
  if (known) {
    const text = signed(rounded(view.loss, 3)).replace("+", "");
    labels.put(
      text,
      [[x, y]],
      {
        size: Math.max(12, Math.min(19, (w - 8) / (0.62 * l.textScale * text.length))),
        bold: true,
        over: true,
      },
    );
  }
  if (t < 1) return;
  const lines = network.outputs.length <= 4 ? network.outputs : [];
  if (lines.length)
    labels.put(
      say("target"),
      [[x, y + h / 2 + 20 * l.textScale]],
      { size: 13, colour: css(colours.muted), over: true },
    );
  lines.forEach((k, row) => {
    const name = lines.length > 1 ? `${plain(network.ids[k], 8)} ` : "";
    labels.put(
      `${name}${short(view.targets[row])}`,
      [[x, y + h / 2 + (40 + row * 18) * l.textScale]],
      { size: 14, bold: true, over: true, within: w + 20 },
    );
  });
}

/**
 * Draw a small square beside each output in the colour of its target.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function drawTargets(ctx, labels, scene) {
  const { layout: l, view, network, colours, scales, t, info } = scene;
  if (
    info.loss === null
    || t < 1
    || network.outputs.length <= 4
    || l.columns[network.depth].radius < 5
  )
    return;
  const first = network.outputs.reduce(
    (top, k) => (l.y[k] < l.y[top] ? k : top),
    network.outputs[0],
  );
  const apart = roomAfter(scene, first) < 56 ? 14 : 34;
  labels.put(
    scene.say("target"),
    [[l.x[first] + l.r[first] + apart, l.y[first] - 30]],
    { size: 13, colour: css(colours.loss) },
  );
  network.outputs.forEach((k, row) => {
    const size = Math.min(7, l.r[k] * 0.8);
    ctx.fillStyle = css(fill(colours, view.targets[row], scales.target));
    ctx.strokeStyle = css(colours.loss);
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.rect(l.x[k] + l.r[k] + apart - size, l.y[k] - size, 2 * size, 2 * size);
    ctx.fill();
    ctx.stroke();
  });
}
