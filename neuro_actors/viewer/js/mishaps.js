// A storm on the stage: the cross where a letter was lost, the dagger at who died.

import { css } from "./colours.js";

export const [LOST_AT, AGAIN_AT] = [0.5, 0.4]; // where along its way a letter is lost; when, of a wave, it is sent again

/** How far a letter that is lost first has come, and how much of it is left: of the lost one, then of the one that comes.
 *  @param {number} own of its way through the wave, 0 to 1 @param {boolean} again whether one comes @returns {{along: number, alpha: number}[]} */
export function twice(own, again) {
  const eased = (/** @type {number} */ p) => p * p * (3 - 2 * p);
  const first = Math.min(1, own / AGAIN_AT);
  const gone = Math.max(0, Math.min(1, (own - 0.75) / 0.2));
  const letters = [{ along: LOST_AT * eased(first), alpha: first < 0.7 ? 1 : Math.max(0.28 * (1 - gone), 1 - (first - 0.7) / 0.3) }];
  if (again && own > AGAIN_AT) letters.push({ along: eased((own - AGAIN_AT) / (1 - AGAIN_AT)), alpha: 1 });
  return letters;
}

/** How clearly the cross of a lost letter is seen. @param {number} own */
export function crossed(own) {
  return Math.max(0, Math.min(1, (own - 0.2) / 0.1, (0.97 - own) / 0.15));
}

/** Here a letter was lost. @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene @param {number} x @param {number} y
 *  @param {number} size @param {number} alpha */
export function lostCross(ctx, scene, x, y, size, alpha) {
  for (const [colour, width] of /** @type {[number[], number][]} */ ([[scene.colours.paper, 6], [scene.colours.ink, 3]])) {
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

/** Who dies grows pale and comes back; whoever has died in this step bears a dagger. @param {CanvasRenderingContext2D} ctx
 *  @param {import("./labels.js").Labels} labels @param {import("./scene.js").Scene} scene */
export function drawDeaths(ctx, labels, scene) {
  const { layout: l, network, t, colours } = scene;
  /** @type {Map<number, import("./storm.js").Death[]>} */
  const dead = new Map();
  for (const death of scene.storm.deaths) dead.set(death.k, [...(dead.get(death.k) ?? []), death]);
  for (const [k, deaths] of dead) {
    if (k >= network.n && !l.loss) continue;
    const loss = k >= network.n && l.loss ? l.loss : null;
    const r = loss ? Math.min(loss.w, loss.h) / 2 : l.mode === "population" ? l.radius : Math.max(6, l.r[k]);
    const [x, y] = loss ? [loss.x, loss.y] : [l.x[k], l.y[k]];
    const now = deaths.find((death) => t > death.wave && t < death.wave + 1);
    if (now) pale(ctx, scene, x, y, r, t - now.wave);
    const past = deaths.filter((death) => t >= death.wave + (death === now ? 0.5 : 0.99)).length;
    if (!past || (now && t - now.wave < 0.85)) continue;
    const text = past > 1 ? `†${past}` : "†";
    const cell = l.mode === "population" || (l.picture !== null && network.isInput(k));
    const aside = loss ? [loss.x + loss.w / 2 - 4, loss.y - loss.h / 2 + 2] : cell ? [x, y] : [x + r * 0.78 + 7, y - r * 0.78 - 5];
    labels.put(text, [/** @type {[number, number]} */ (aside)], { size: cell ? 13 : 17, bold: true, colour: css(colours.ink), pill: css(colours.paper, 0.88), over: true });
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {import("./scene.js").Scene} scene @param {number} x @param {number} y @param {number} r
 *  @param {number} p of the wave, 0 to 1 */
function pale(ctx, scene, x, y, r, p) {
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
