// Pictures of the stage for slides: PNG and SVG, with everything inside.

import { css } from "./colours.js";
import { el } from "./dom.js";
import { FONT } from "./labels.js";
import { SvgContext } from "./svg_context.js";

const [MARGIN, TITLE, LINE] = [20, 24, 16]; // pixels: the sizes of the two lines above the society
const HEAD = 70;
const SHARP = 2; // pixels of the PNG per pixel of the page
const LATER = 10_000; // milliseconds after which a download has begun

/**
 * Draw the stage with its caption.
 * @param {any} ctx
 * @param {any} app
 */
function drawAll(ctx, app) {
  const scene = app.drawn;
  const { width, height } = app.stage;
  const { colours, corner } = scene;
  ctx.fillStyle = css(colours.paper);
  ctx.fillRect(0, 0, width, height + HEAD);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const [text, size, y, weight, colour] of [
    [app.moment.phase, TITLE, 26, 600, colours.ink],
    [app.moment.wave, LINE, 54, 400, colours.muted],
  ]) {
    ctx.font = `${weight} ${size}px ${FONT}`;
    ctx.fillStyle = css(colour);
    ctx.fillText(text, MARGIN, y, width - 2 * MARGIN);
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, HEAD, width, height);
  ctx.clip();
  ctx.translate(-corner.x, HEAD - corner.y);
  app.stage.paint(ctx, scene);
  ctx.restore();
}

/** The stage as the text of an SVG file. @param {any} app @returns {string} */
export function asSvg(app) {
  const ctx = new SvgContext(app.stage.width, app.stage.height + HEAD);
  drawAll(ctx, app);
  return ctx.text();
}

/** The stage as a canvas. @param {any} app @returns {HTMLCanvasElement} */
export function asCanvas(app) {
  const canvas = document.createElement("canvas");
  canvas.width = app.stage.width * SHARP;
  canvas.height = (app.stage.height + HEAD) * SHARP;
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.scale(SHARP, SHARP);
  drawAll(ctx, app);
  return canvas;
}

/** The name of a picture's file. @param {any} app @param {string} suffix */
function fileName(app, suffix) {
  const { info, t } = app.drawn;
  const safe = app.run.title.replace(/\.arrows$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-");
  return `${safe}-step-${info.number}-wave-${Math.ceil(t)}.${suffix}`;
}

function save(/** @type {Blob} */ blob, /** @type {string} */ name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click(); // outside of the page: no menu closes
  setTimeout(() => URL.revokeObjectURL(address), LATER);
}

/** Save the stage as a file. @param {any} app @param {"svg" | "png"} kind */
export function saveStage(app, kind) {
  app.draw();
  const name = fileName(app, kind);
  if (kind === "svg") save(new Blob([asSvg(app)], { type: "image/svg+xml" }), name);
  else asCanvas(app).toBlob((blob) => blob && save(blob, name), "image/png");
}
