// Marks of faults on the stage: a cross where a message was lost, a dagger at a crashed neuron.

import { css } from "./colours.js";

// where along its curve a message is lost; at which part of the wave it is sent again
export const [LOST_AT, AGAIN_AT] = [0.5, 0.4];

/**
 * Position and opacity of a message that is lost, then of the one that is sent again.
 * @param {number} own how far the wave has gone for this message, 0 to 1
 * @param {boolean} again whether one is sent again and arrives
 * @returns {{along: number, alpha: number}[]}
 */
export function lostAndAgain(own, again) {
  const eased = (/** @type {number} */ p) => p * p * (3 - 2 * p);
  const first = Math.min(1, own / AGAIN_AT);
  const gone = Math.max(0, Math.min(1, (own - 0.75) / 0.2));
  const parts = [
    {
      along: LOST_AT * eased(first),
      alpha: first < 0.7 ? 1 : Math.max(0.28 * (1 - gone), 1 - (first - 0.7) / 0.3),
    },
  ];
  if (again && own > AGAIN_AT)
    parts.push({ along: eased((own - AGAIN_AT) / (1 - AGAIN_AT)), alpha: 1 });
  return parts;
}

/** The opacity of a lost message's cross. @param {number} own */
export function crossAlpha(own) {
  return Math.max(0, Math.min(1, (own - 0.2) / 0.1, (0.97 - own) / 0.15));
}

/**
 * Draw the cross of a lost message.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} x
 * @param {number} y
 * @param {number} size
 * @param {number} alpha
 */
export function drawLostCross(ctx, scene, x, y, size, alpha) {
  const { paper, ink } = scene.colours;
  for (const [colour, width] of /** @type {[number[], number][]} */ ([[paper, 6], [ink, 3]])) {
    ctx.strokeStyle = css(colour, alpha);
    ctx.lineWidth = width * (size / 8);
    ctx.lineCap = "round";
    ctx.beginPath();
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x + size, y - size);
    ctx.lineTo(x - size, y + size);
    ctx.stroke();
  }
}

/**
 * Draw crashes: a crashing neuron grows pale and comes back, and has a dagger until the step ends.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function drawCrashes(ctx, labels, scene) {
  const { layout: l, network, t, colours } = scene;
  /** @type {Map<number, import("./faults.js").Crash[]>} */
  const byNeuron = new Map();
  for (const crash of scene.faults.crashes)
    byNeuron.set(crash.k, [...(byNeuron.get(crash.k) ?? []), crash]);
  for (const [k, crashes] of byNeuron) {
    if (k >= network.n && !l.loss) continue;
    const loss = k >= network.n && l.loss ? l.loss : null;
    const r = loss
      ? Math.min(loss.w, loss.h) / 2
      : l.mode === "population"
      ? l.radius
      : Math.max(6, l.r[k]);
    const [x, y] = loss ? [loss.x, loss.y] : [l.x[k], l.y[k]];
    const now = crashes.find((crash) => t > crash.wave && t < crash.wave + 1);
    if (now) drawCrash(ctx, scene, x, y, r, t - now.wave);
    const past = crashes.filter((crash) => t >= crash.wave + (crash === now ? 0.5 : 0.99)).length;
    if (!past || (now && t - now.wave < 0.85)) continue;
    const text = past > 1 ? `†${past}` : "†";
    const cell = l.mode === "population" || (l.picture !== null && network.isInput(k));
    const aside = loss
      ? [loss.x + loss.w / 2 - 4, loss.y - loss.h / 2 + 2]
      : cell
      ? [x, y]
      : [x + r * 0.78 + 7, y - r * 0.78 - 5];
    labels.put(
      text,
      [/** @type {[number, number]} */ (aside)],
      {
        size: cell ? 13 : 17,
        bold: true,
        colour: css(colours.ink),
        pill: css(colours.paper, 0.88),
        over: true,
      },
    );
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./scene.js").Scene} scene
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {number} p how far the wave has gone, 0 to 1
 */
function drawCrash(ctx, scene, x, y, r, p) {
  const { colours } = scene;
  const away = Math.max(0, Math.min(1, (p - 0.1) / 0.2, (0.95 - p) / 0.25));
  ctx.fillStyle = css(colours.paper, 0.86 * away);
  ctx.beginPath();
  ctx.arc(x, y, r + 9, 0, 2 * Math.PI);
  ctx.fill();
  ctx.strokeStyle = css(colours.ink, 0.8 * away);
  ctx.lineWidth = 2;
  ctx.setLineDash([4, 5]);
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.setLineDash([]);
  const size = Math.max(7, Math.min(r * 0.62, 20));
  ctx.lineCap = "round";
  ctx.lineWidth = Math.max(2, size / 5);
  ctx.strokeStyle = css(colours.ink, away);
  ctx.beginPath();
  ctx.moveTo(x, y - size);
  ctx.lineTo(x, y + size);
  ctx.moveTo(x - size * 0.55, y - size * 0.4);
  ctx.lineTo(x + size * 0.55, y - size * 0.4);
  ctx.stroke();
}
