// Synapses: excitatory ones are blue and solid, inhibitory ones orange and dashed; strong ones are
// wide. Frozen ones are dotted. Those into interneurons have no weight: they are grey.

import { css, strength } from "./colours.js";
import { curve, ofSynapse, angle, toLoss, trace } from "./curve.js";
import { signed } from "./numbers.js";
import { placeWeights } from "./weight_labels.js";

const STEPS = 7; // of width and darkness
const [MOST_WRITTEN, MOST_LIT] = [32, 24]; // how many synapses have their weights written, at most
const MOST_DASHED = 1500; // dashes of more synapses take too long
const WITH_ENDS = 160; // how many synapses have their ends drawn, at most

/** @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene */
export function drawSynapses(ctx, scene) {
  const { layout: l, network, colours, scales, lit } = scene;
  const weights = scene.weights();
  if (l.loss && scene.info.loss !== null) drawLossLines(ctx, scene);
  if (l.mode === "population") return; // there only the chosen neuron's are drawn, above the fields
  /** @type {Map<string, import("./curve.js").Curve[]>} */
  const groups = new Map();
  const visible = [];
  for (let s = 0; s < network.sources.length; s++) {
    const isLit = lit !== null && lit.synapses.has(s);
    if (l.picture && network.isInput(network.sources[s])) continue;
    const level = Math.round(strength(weights[s], scales.weight) * STEPS);
    const key = groupOf({
      isLit, level, negative: weights[s] < 0, frozen: network.isFrozen(s),
      plain: network.isInterneuron(network.targets[s]),
    });
    const c = ofSynapse(l, network, s);
    visible.push(s);
    const group = groups.get(key);
    if (group) group.push(c);
    else groups.set(key, [c]);
  }
  const crowd = Math.min(1, (60 / Math.max(1, visible.length)) ** 0.45);
  ctx.lineCap = "butt";
  for (const key of [...groups.keys()].sort()) {
    const { isLit, negative, frozen, plain, level } = readGroup(key);
    const faded = lit !== null && !isLit ? 0.22 : 1;
    const alpha = isLit ? 0.55 + 0.45 * level : (0.22 + 0.6 * level) * crowd * faded;
    const slim = isLit && lit !== null && lit.synapses.size > 60;
    const colour = plain ? colours.muted : negative ? colours.minus : colours.plus;
    ctx.strokeStyle = css(colour, slim ? alpha * 0.6 : alpha);
    ctx.lineWidth = plain
      ? (isLit ? 2 : 1)
      : 0.8 + (isLit && !slim ? 4.6 : 3.6 * Math.max(0.3, crowd)) * level;
    if (frozen) ctx.lineWidth = Math.max(1.4, 0.7 * ctx.lineWidth);
    ctx.lineCap = frozen ? "round" : "butt";
    const isDrawn = !plain && visible.length < MOST_DASHED;
    ctx.setLineDash(isDrawn ? dashes(negative, frozen, ctx.lineWidth) : []);
    ctx.beginPath();
    for (const c of /** @type {any[]} */ (groups.get(key))) trace(ctx, c);
    ctx.stroke();
    const ends = isLit ? !slim : visible.length <= WITH_ENDS && (lit === null || isLit);
    if (ends)
      for (const c of /** @type {any[]} */ (groups.get(key)))
        drawEnd(ctx, c, negative && !plain, ctx.lineWidth);
  }
  ctx.setLineDash([]);
  ctx.lineCap = "butt";
  drawRibbons(ctx, scene);
}

/**
 * Synapses that are drawn alike.
 * @typedef {{isLit: boolean, plain: boolean, frozen: boolean, negative: boolean, level: number}}
 *   Alike
 */

/** The key of a group; those with greater keys are drawn above. @param {Alike} alike */
function groupOf({ isLit, plain, frozen, negative, level }) {
  return [isLit, !plain, frozen, negative].map(Number).join("") + level;
}

/** @param {string} key @returns {Alike} */
function readGroup(key) {
  const [isLit, weighs, frozen, negative] = [...key].map((c) => c === "1");
  return { isLit, plain: !weighs, frozen, negative, level: Number(key.slice(4)) / STEPS };
}

/** Inhibitory synapses are dashed, frozen ones dotted; those that are both have dots in gaps. */
function dashes(
  /** @type {boolean} */ negative,
  /** @type {boolean} */ frozen,
  /** @type {number} */ wide,
) {
  const dot = [0.1, 1.8 * wide + 1.5]; // round ends make a dot of it
  if (frozen) return negative ? [6, dot[1], ...dot] : dot;
  return negative ? [7, 4] : [];
}

/**
 * Draw an arrowhead, or the bar of an inhibitory synapse.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./curve.js").Curve} c
 * @param {boolean} negative
 * @param {number} width
 */
function drawEnd(ctx, c, negative, width) {
  const size = 4 + width;
  ctx.save();
  ctx.translate(c[6], c[7]);
  ctx.rotate(angle(c, 1));
  ctx.setLineDash([]);
  ctx.fillStyle = ctx.strokeStyle;
  ctx.beginPath();
  if (negative) ctx.rect(-2, -size, 2.6, 2 * size);
  else {
    ctx.moveTo(2, 0);
    ctx.lineTo(-size, size * 0.8);
    ctx.lineTo(-size, -size * 0.8);
  }
  ctx.fill();
  ctx.restore();
}

/**
 * Draw one grey line for all synapses from the picture to a neuron.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
function drawRibbons(ctx, scene) {
  const { layout: l, colours, network } = scene;
  if (!l.picture) return;
  ctx.strokeStyle = css(colours.line, 1);
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  const all = pictureFollowers(scene);
  for (const k of all) trace(ctx, ribbon(scene, k));
  ctx.stroke();
  const { lit } = scene;
  if (lit === null) return;
  ctx.strokeStyle = css(colours.ink, 0.8);
  ctx.lineWidth = 3;
  ctx.beginPath();
  for (const k of all)
    if (network.incoming(k).some((s) => lit.synapses.has(s))) trace(ctx, ribbon(scene, k));
  ctx.stroke();
}

/** The neurons that the picture leads to. @param {import("./scene.js").Scene} scene */
export function pictureFollowers(scene) {
  const { network } = scene;
  return scene.layout.drawn.filter((k) => {
    const incoming = network.incoming(k);
    return incoming.length > 0 && network.isInput(network.sources[incoming[0]]);
  });
}

/** @param {import("./scene.js").Scene} scene @param {number} k */
export function ribbon(scene, k) {
  const { layout: l } = scene;
  const picture = /** @type {NonNullable<typeof l.picture>} */ (l.picture);
  const height = picture.rows * picture.cell;
  const share = Math.max(0.06, Math.min(0.94, (l.y[k] / l.height - 0.5) * 0.9 + 0.5));
  const to = l.tiled.has(k) ? l.r[k] + l.tile + 10 : l.r[k] + 4;
  return curve(
    picture.x + picture.columns * picture.cell + 5,
    picture.y + height * share,
    l.x[k] - to,
    l.y[k],
  );
}

/**
 * Draw the outputs' lines to the loss.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 */
function drawLossLines(ctx, scene) {
  const { network, layout: l, colours, lit } = scene;
  ctx.strokeStyle = css(
    colours.loss,
    l.mode === "population"
      ? (network.outputs.length > 20 ? 0.12 : 0.3)
      : lit === null || lit.loss
      ? 0.6
      : 0.2,
  );
  ctx.lineWidth = network.outputs.length > 6 ? 1.2 : 2;
  ctx.beginPath();
  network.outputs.forEach((k, row) => {
    trace(ctx, toLoss(l, network, k, (row + 0.5) / network.outputs.length));
    if (l.mode === "population")
      trace(ctx, toLoss(l, network, k, (row + 0.5) / network.outputs.length, true));
  });
  ctx.stroke();
}

/**
 * Write weights, where there is room: of what is lit, or of a small network.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function writeWeights(labels, scene) {
  const { network, layout: l, colours, lit } = scene;
  if (Math.max(...l.columns.map((column) => column.radius)) < 20 || l.mode !== "nodes") return;
  const all = lit !== null
    ? [...lit.synapses]
    : network.sources.length <= MOST_WRITTEN
    ? [...network.sources.keys()]
    : [];
  if (all.length > MOST_LIT) return;
  const weights = scene.weights();
  const chosen = all
    .filter((s) => !(l.picture && network.isInput(network.sources[s])))
    .sort((a, b) => Math.abs(weights[b]) - Math.abs(weights[a]));
  const text = (/** @type {number} */ s) => {
    const size = Math.abs(weights[s]);
    const short = size >= 0.005 && size < 100 ? Number(weights[s].toFixed(2)) : weights[s];
    return `w ${signed(short)}`;
  };
  const how = { size: 12.5, bold: true };
  const key = `weights ${scene.learned()} ${scene.state.language} ${all}`;
  const places = scene.cached(key, () => {
    const wide = (/** @type {number} */ s) => labels.measure(text(s), how) + 10;
    return placeWeights(l, network, chosen, wide, 1.36 * how.size * l.textScale);
  });
  for (const [s, place] of places) {
    const colour = css(weights[s] < 0 ? colours.minus : colours.plus);
    labels.put(text(s), [place], { ...how, colour, pill: css(colours.paper, 0.9), over: true });
  }
}
