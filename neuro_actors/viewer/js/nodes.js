// Neurons as nodes: the fill is the activation, the ring around it the urgency.

import { css, fill, mix, on, strength } from "./colours.js";
import { plain } from "./labels.js";
import { lastName } from "./layer_names.js";
import { mapText, nameRoom } from "./layout.js";
import { drawNodeMap, writeSign } from "./node_maps.js";
import { halfHeight, nodeMap, traceNode } from "./node_shapes.js";
import { fine, rounded, short, signed } from "./numbers.js";

const CHOSEN_NAME = 160; // pixels that the name of a chosen node may fill
const BESIDE = 10; // pixels by which a name may be wider than its column
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
  traceNode(ctx, scene, k);
  ctx.fill();
  if (fired) drawNodeMap(ctx, scene, k);
  traceNode(ctx, scene, k);
  ctx.stroke();
  ctx.setLineDash([]);
  if (urged && r >= 3) ring(ctx, scene, k, view.u[k]);
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

/**
 * Draw the urgency: a ring with a tip that points up (a larger activation) or down (a smaller one).
 */
function ring(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {import("./scene.js").Scene} */ scene,
  /** @type {number} */ k,
  /** @type {number} */ u,
) {
  const { colours, scales, layout: l, network } = scene;
  const [x, y, r] = [l.x[k], l.y[k], l.r[k]];
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
  const out = apart + ctx.lineWidth / 2 - 0.5;
  if (nodeMap(scene, k) || network.isInterneuron(k)) traceNode(ctx, scene, k, out);
  else {
    ctx.beginPath();
    ctx.arc(x, y, r + out, 0, TAU);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  if (r >= 9 && strong >= 0.02) {
    const size = r >= 20 ? 6 : 4;
    const way = u > 0 ? -1 : 1;
    const at = y + way * (halfHeight(scene, k) + apart - 1);
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
    const map = nodeMap(scene, k);
    if (network.isInterneuron(k)) writeSign(labels, scene, k);
    const half = map ? map.h / 2 : r;
    const text = map ? mapText(column.spacing - 2 * half, l.textScale) : r < 20 ? 0 : 2;
    const isNamed = map
      ? text > 0
      : column.spacing >= 2 * r + nameRoom(r, l.textScale) - 0.01;
    const above = /** @type {[number, number][]} */ (
      [[x, y - half - (r >= 20 ? 27 : r >= 9 ? 21 : 15) - 8 * (l.textScale - 1)]]
    );
    const over = [scene.state.chosen, scene.state.hover].some((thing) =>
      thing?.kind === "neuron" && thing.k === k,
    );
    const room = over ? Math.max(within, CHOSEN_NAME * l.textScale) : within;
    if (text < 2) {
      const aside = network.level[k] === 0 || network.outputOf.has(k);
      const how = { size: 13, bold: true, colour: ink, within: room, over };
      const name = fittingName(labels, network.ids[k], { ...how, within });
      const isLegible = !l.layers.length || labels.measure(name, how) <= within;
      if (over || (isLegible && isNamed)) labels.put(name, above, how);
      else if (aside && column.spacing >= 17) nameAside(labels, scene, k, ink);
      continue;
    }
    const how = { size: 14, bold: true, colour: ink, over: true, within: room };
    const name = fittingName(labels, network.ids[k], { ...how, within });
    const isLegible = !l.layers.length || labels.measure(name, how) <= room + BESIDE;
    if (isLegible) labels.put(name, above, how);
    if (waves.hasFired(k, t) && !map) {
      const ground = fill(colours, view.a[k], scales.activation);
      const inside = short(view.a[k]);
      const size = Math.max(10.5, Math.min(
        18, (r * 0.46) / l.textScale, (1.8 * r - 2) / (0.58 * l.textScale * inside.length),
      ));
      labels.put(
        inside,
        [[x, y]],
        { size, bold: true, colour: css(on(colours, ground), faded ? 0.6 : 1), over: true },
      );
    }
    const value = map && waves.hasFired(k, t) ? `a ${fine(view.a[k])}` : "";
    const urgency = waves.isUrged(k, t) && view.u[k] === view.u[k] ? `u ${fine(view.u[k])}` : "";
    const both = [value, urgency].filter(Boolean).join("  ");
    const fits = (/** @type {string} */ what) =>
      !map || labels.measure(what, { size: 13 }) <= within + BESIDE;
    const below = [both, value].find(fits) ?? "";
    if (below) {
      labels.put(
        below,
        [[x, y + half + 27 + 8 * (l.textScale - 1)]],
        { size: 13, colour: css(colours.muted, faded ? 0.6 : 1), over: true },
      );
    }
  }
}

/**
 * A neuron's name; only its end if there is too little room for all of it.
 * @param {import("./labels.js").Labels} labels
 * @param {string} id
 * @param {{size: number, bold: boolean, within: number}} how
 */
function fittingName(labels, id, how) {
  const whole = plain(id);
  return labels.measure(whole, how) <= how.within ? whole : plain(lastName(id));
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
 * The outputs that have targets: not those that delays hear. They are the first ones.
 * @param {import("./network.js").Network} network
 */
function ownOutputs({ outputs, elements }) {
  return outputs.slice(0, outputs.length - elements.delayed.size);
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
  const own = ownOutputs(network);
  const lines = own.length <= 4 ? own : [];
  if (lines.length)
    labels.put(
      say("target"),
      [[x, y + h / 2 + 20 * l.textScale]],
      { size: 13, colour: css(colours.muted), over: true },
    );
  lines.forEach((k, row) => {
    const id = network.ids[k].length > 8 ? lastName(network.ids[k]) : network.ids[k];
    const name = lines.length > 1 ? `${plain(id, 8)} ` : "";
    const text = `${name}${short(view.targets[row])}`;
    const wide = labels.measure(text, { size: 14, bold: true });
    const size = Math.max(10.5, Math.min(14, (14 * (w + 14)) / wide));
    labels.put(
      text,
      [[x, y + h / 2 + (40 + row * 18) * l.textScale]],
      { size, bold: true, over: true, within: w + 20 },
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
    || ownOutputs(network).length <= 4
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
  ownOutputs(network).forEach((k, row) => {
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
