// Messages: activations travel right as filled dots, urgencies travel left as open arrowheads.

import { css, strength } from "./colours.js";
import { angle, curve, ofSynapse, point, toLoss } from "./curve.js";
import { urgencyY } from "./urgency_y.js";
import { crossAlpha, LOST_AT, drawLostCross, lostAndAgain } from "./fault_marks.js";
import { short } from "./numbers.js";
import { pictureFollowers, ribbon } from "./synapses.js";

const [MOST, MOST_OF_MANY] = [500, 220]; // how many messages are drawn at once: the strongest
const ROOM = 100; // length of a curve that has room for a number beside the message
const APART = 14; // messages nearer than this cannot be told apart
const SILENT = 0.06; // strength below which a message is drawn as silent

/**
 * A message of a wave: its curve, its value, and whether it travels back.
 * @typedef {{c: import("./curve.js").Curve, value: number, back: boolean, seed: number, plain?:
 *   boolean, delivery?: import("./faults.js").Delivery}} Message
 */

/** @param {import("./scene.js").Scene} scene @param {number} wave @returns {Message[]} */
export function travelling(scene, wave) {
  const { network, view, waves, layout: l, run, faults } = scene;
  const found = [];
  const phase = waves.phase(wave);
  const outputs = network.outputs.length;
  if (phase === "inputs") {
    for (const k of network.inputs) {
      if (l.picture) continue;
      found.push({
        c: curve(l.x[k] - l.r[k] - 50, l.y[k], l.x[k] - l.r[k], l.y[k]),
        value: view.a[k],
        back: false,
        seed: k,
        delivery: faults.delivery("inputs", k),
      });
    }
  }
  const seen = (/** @type {number} */ s) => scene.lit === null || scene.lit.synapses.has(s);
  const product = (/** @type {number} */ s) => view.a[network.sources[s]] * view.weights[s];
  for (const s of strongest(waves.forward[wave] ?? [], product, scene)) {
    if (l.picture && network.isInput(network.sources[s])) continue;
    if (seen(s))
      found.push({
        c: ofSynapse(l, network, s),
        value: view.a[network.sources[s]],
        back: false,
        seed: s,
        delivery: faults.delivery("forward", s),
      });
  }
  if (l.picture && wave === 1) {
    const isLit = (/** @type {number} */ k) => scene.lit === null || network.incoming(k).some((s) =>
      scene.lit?.synapses.has(s),
    );
    for (const k of pictureFollowers(scene).filter(isLit)) {
      found.push({
        c: ribbon(scene, k),
        value: view.z[k],
        back: false,
        seed: k,
        plain: true,
        delivery: faults.joinedDelivery("forward", [...network.incoming(k)]),
      });
    }
  }
  for (const s of strongest(waves.backward[wave] ?? [], (s) => run.urgency(view, s), scene)) {
    if (seen(s))
      found.push({
        c: lowered(scene, s),
        value: run.urgency(view, s),
        back: true,
        seed: s,
        delivery: faults.delivery("backward", s),
      });
  }
  if (phase === "to_environment") {
    network.outputs.forEach((k, row) => {
      found.push({
        c: curve(l.x[k] + l.r[k], l.y[k], l.x[k] + l.r[k] + 60, l.y[k]),
        value: view.a[k],
        back: false,
        seed: k,
        delivery: faults.delivery("to_environment", row),
      });
    });
  }
  if (l.loss) {
    network.outputs.forEach((k, row) => {
      const c = toLoss(l, network, k, (row + 0.5) / outputs, wave === waves.fromLoss);
      if (waves.sends[k] === wave && waves.fromLoss >= 0)
        found.push({
          c,
          value: view.a[k],
          back: false,
          seed: row,
          delivery: faults.delivery("to_loss", row),
        });
      if (wave === waves.fromLoss)
        found.push({
          c,
          value: view.blame[row],
          back: true,
          seed: row,
          delivery: faults.delivery("loss_to_outputs", row),
        });
    });
  }
  return found;
}

/**
 * The curve of an urgency; in the population view it lies between the lower fields.
 * @param {import("./scene.js").Scene} scene
 * @param {number} s
 */
export function lowered(scene, s) {
  const { layout: l, network } = scene;
  const c = ofSynapse(l, network, s);
  if (l.mode === "nodes") return c;
  const [a, b] = [network.sources[s], network.targets[s]];
  return curve(
    l.x[a] + l.radius,
    urgencyY(l, network, a),
    l.x[b] - l.radius,
    urgencyY(l, network, b),
  );
}

/**
 * @param {number[]} synapses
 * @param {(s: number) => number} size
 * @param {import("./scene.js").Scene} scene
 */
function strongest(synapses, size, scene) {
  if (scene.lit !== null) return synapses.filter((s) => scene.lit?.synapses.has(s));
  const most = scene.layout.mode === "population" ? MOST_OF_MANY : MOST;
  if (synapses.length <= most) return synapses;
  const sizes = synapses.map((s) => Math.abs(size(s)));
  const least = [...sizes].sort((a, b) => b - a)[most];
  return synapses.filter((_, k) => sizes[k] > least);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {Message[]} messages
 * @param {number} p how far the wave has gone, 0 to 1
 */
export function drawMessages(ctx, labels, scene, messages, p) {
  const crowd = (messages.length > 150 ? 0.52 : messages.length > 40 ? 0.8 : 1) * (
    scene.layout.mode === "population" ? Math.min(1, scene.layout.radius / 9) : 1
  );
  const numbers = messages.length <= 14;
  /** @type {(() => void)[]} */
  const crosses = [];
  /** @type {{message: Message, x: number, y: number}[]} */
  const numbered = [];
  for (const message of messages) {
    const late = (((message.seed * 2654435761) >>> 0) % 1000) / 1000 * 0.3;
    const own = Math.min(1, Math.max(0, numbers ? p : (p - late) / 0.7));
    if (own <= 0 || own >= 1) continue;
    const parts = message.delivery
      ? lostAndAgain(own, message.delivery.arrived !== null)
      : [{ along: own * own * (3 - 2 * own), alpha: 1 }];
    let [x, y] = [0, 0];
    for (const part of parts) {
      const along = message.back ? 1 - part.along : part.along;
      [x, y] = point(message.c, along);
      ctx.globalAlpha = part.alpha;
      if (message.back) arrowhead(ctx, scene, x, y, angle(message.c, along), message.value, crowd);
      else dot(ctx, scene, x, y, message, crowd);
    }
    ctx.globalAlpha = 1;
    // above all messages
    if (message.delivery)
      crosses.push(() => lost(ctx, labels, scene, message, crossAlpha(own), crowd));
    if (numbers && !message.plain && message.c[6] - message.c[0] > ROOM)
      numbered.push({ message, x, y });
  }
  writeNumbers(labels, scene, numbered);
  for (const cross of crosses) cross();
}

/**
 * Write numbers beside messages. Where several messages meet, the strongest has its number.
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {{message: Message, x: number, y: number}[]} numbered
 */
function writeNumbers(labels, scene, numbered) {
  const { colours } = scene;
  numbered.sort((a, b) => Math.abs(b.message.value) - Math.abs(a.message.value));
  for (const { x, y } of numbered) labels.reserve(x, y, 16, 16);
  numbered.forEach(({ message: { value }, x, y }, k) => {
    if (numbered.slice(0, k).some((one) => Math.hypot(one.x - x, one.y - y) < APART)) return;
    labels.put(short(value), [[x, y - 18], [x, y + 18]], {
      size: 13, bold: true, pill: css(colours.paper, 0.88),
      colour: css(value < 0 ? colours.minus : colours.plus),
    });
  });
}

/**
 * Draw the cross where a message was lost, and how often, if more than once.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {Message} message
 * @param {number} alpha
 * @param {number} crowd
 */
function lost(ctx, labels, scene, message, alpha, crowd) {
  if (alpha <= 0) return;
  const [x, y] = point(message.c, message.back ? 1 - LOST_AT : LOST_AT);
  drawLostCross(ctx, scene, x, y, Math.max(4, 8 * crowd), alpha);
  const times = message.delivery?.lost.length ?? 1;
  if (times > 1 && crowd > 0.6 && alpha > 0.5) {
    labels.put(
      `${times}×`,
      [[x + 18, y - 13], [x + 18, y + 13]],
      { size: 13, bold: true, pill: css(scene.colours.paper, 0.8), colour: css(scene.colours.ink) },
    );
  }
}

/**
 * Draw an activation.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} x
 * @param {number} y
 * @param {Message} message
 * @param {number} crowd
 */
function dot(ctx, scene, x, y, message, crowd) {
  const { colours, scales } = scene;
  const strong = message.plain ? 0.5 : strength(message.value, scales.activation);
  const silent = strong < SILENT;
  ctx.beginPath();
  ctx.arc(x, y, silent ? 2 : (3 + 6.5 * strong) * crowd, 0, 2 * Math.PI);
  ctx.strokeStyle = css(colours.paper);
  ctx.lineWidth = 3;
  ctx.stroke();
  ctx.fillStyle = css(
    silent || message.plain ? colours.muted : message.value < 0 ? colours.minus : colours.plus,
  );
  ctx.fill();
}

/**
 * Draw an urgency: an open arrowhead that points in its direction.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} x
 * @param {number} y
 * @param {number} direction
 * @param {number} value
 * @param {number} crowd
 */
function arrowhead(ctx, scene, x, y, direction, value, crowd) {
  const { colours, scales } = scene;
  const strong = strength(value, scales.message);
  const silent = strong < SILENT;
  const size = silent ? 3 : (5 + 7 * strong) * crowd;
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(direction);
  ctx.lineJoin = "round";
  ctx.lineCap = "round";
  ctx.beginPath();
  ctx.moveTo(size * 0.7, -size);
  ctx.lineTo(-size * 0.7, 0);
  ctx.lineTo(size * 0.7, size);
  ctx.strokeStyle = css(colours.paper);
  ctx.lineWidth = 6.5 * crowd;
  ctx.stroke();
  ctx.strokeStyle = css(silent ? colours.muted : value < 0 ? colours.minus : colours.plus);
  ctx.lineWidth = silent ? 1.2 : (2 + 1.6 * strong) * crowd;
  ctx.stroke();
  ctx.restore();
}
