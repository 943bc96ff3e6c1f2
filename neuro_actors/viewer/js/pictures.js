// Numbers as small pictures: inputs in grey, weights in blue and orange, a population in cells.

import { css, fill, mix } from "./colours.js";

/**
 * @param {number} columns
 * @param {number} rows
 * @param {(place: number) => number[]} colour
 * @returns {HTMLCanvasElement}
 */
export function image(columns, rows, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = ctx.createImageData(columns, rows);
  for (let k = 0; k < columns * rows; k++) {
    const [r, g, b] = colour(k);
    pixels.data.set([r, g, b, r === undefined ? 0 : 255], 4 * k);
  }
  ctx.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * The inputs as an image: the greatest value is black.
 * @param {import("./scene.js").Scene} scene
 */
export function inputImage(scene) {
  const { network, view } = scene;
  return pixels(scene, network.inputs.map((k) => view.a[k]));
}

/**
 * Values of the inputs as an image.
 * @param {import("./scene.js").Scene} scene
 * @param {number[]} values
 */
export function pixels(scene, values) {
  const { run, colours, scales } = scene;
  const [rows, columns] = /** @type {[number, number]} */ (run.picture);
  const [low, high] = scales.input;
  return image(
    columns,
    rows,
    (k) => mix(
      colours.paper,
      colours.ink,
      0.04 + 0.92 * Math.max(0, Math.min(1, share(values[k], low, high))),
    ),
  );
}

/**
 * The place of a number between two others. Half of each, because their difference may exceed all
 * numbers.
 * @param {number} x
 * @param {number} low
 * @param {number} high
 */
export function share(x, low, high) {
  return (x / 2 - low / 2) / (high / 2 - low / 2 || 1);
}

/**
 * Values of pixels as an image in blue and orange.
 * @param {import("./scene.js").Scene} scene
 * @param {(place: number) => number} value
 * @param {number} most
 */
export function signedImage(scene, value, most) {
  const [rows, columns] = /** @type {[number, number]} */ (scene.run.picture);
  return image(columns, rows, (k) => {
    const x = value(k);
    return x === x ? fill(scene.colours, x, most) : scene.colours.empty;
  });
}

/**
 * A value of each of a neuron's synapses from the picture, by pixel; NaN if there is no synapse.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {(synapse: number) => number} value
 * @returns {Float64Array}
 */
export function byPixel(scene, k, value) {
  const { network } = scene;
  const place = scene.pixelOf();
  const out = new Float64Array(network.inputs.length).fill(NaN);
  for (const s of network.incoming(k)) {
    const pixel = place.get(network.sources[s]);
    if (pixel !== undefined) out[pixel] = value(s);
  }
  return out;
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {HTMLCanvasElement} picture
 * @param {number} x
 * @param {number} y
 * @param {number} w
 * @param {number} h
 * @param {string} border
 */
export function placeImage(ctx, picture, x, y, w, h, border) {
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(picture, x, y, w, h);
  ctx.strokeStyle = border;
  ctx.lineWidth = 1;
  ctx.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
}

/**
 * Draw the inputs as a picture, and the weights of the neurons that it leads to.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function drawPicture(ctx, labels, scene) {
  const { layout: l, colours, network, t } = scene;
  const picture = l.picture;
  if (!picture) return;
  const [w, h] = [picture.columns * picture.cell, picture.rows * picture.cell];
  ctx.strokeStyle = css(colours.line); // before the inputs have arrived, too
  ctx.lineWidth = 1;
  ctx.strokeRect(picture.x - 0.5, picture.y - 0.5, w + 1, h + 1);
  ctx.globalAlpha = scene.moving ? Math.min(1, t * 1.4) : t >= 1 ? 1 : t;
  placeImage(
    ctx,
    scene.cached("input", () => inputImage(scene)),
    picture.x,
    picture.y,
    w,
    h,
    css(colours.line),
  );
  ctx.globalAlpha = 1;
  labels.reserve(picture.x + w / 2, picture.y + h / 2, w, h);
  drawOriginal(ctx, labels, scene, picture);
  const { state } = scene;
  const pixel = [state.hover, state.chosen].find((thing) =>
    thing?.kind === "neuron" && network.isInput(thing.k),
  );
  if (pixel?.kind === "neuron") {
    ctx.strokeStyle = css(colours.accent);
    ctx.lineWidth = 3;
    ctx.strokeRect(
      l.x[pixel.k] - picture.cell / 2,
      l.y[pixel.k] - picture.cell / 2,
      picture.cell,
      picture.cell,
    );
  }
  if (!l.tile) return;
  const weights = scene.weights();
  for (const k of l.tiled) {
    const tile = scene.cached(
      `tile ${k} ${scene.learned()}`,
      () => signedImage(scene, at(byPixel(scene, k, (s) => weights[s])), scene.scales.pixelWeight),
    );
    ctx.globalAlpha = scene.lit !== null && !scene.lit.neurons.has(k) ? 0.4 : 1;
    const x = l.x[k] - l.r[k] - l.tile - 8;
    placeImage(ctx, tile, x, l.y[k] - l.tile / 2, l.tile, l.tile, css(colours.line));
    labels.reserve(x + l.tile / 2, l.y[k], l.tile, l.tile);
  }
  ctx.globalAlpha = 1;
}

const [LEAST, ABOVE, TITLES] = [40, 52, 22]; // of the original: its size, the room above, a title

/**
 * Draw the picture that the inputs were made from above what the network receives.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 * @param {NonNullable<import("./layout.js").Layout["picture"]>} place
 */
function drawOriginal(ctx, labels, scene, place) {
  const { run, view, say, layout: l } = scene;
  const original = run.original(view.example);
  const wide = place.columns * place.cell;
  const tall = Math.min(wide, place.y - ABOVE - 2 * TITLES * l.textScale);
  if (!original || tall < LEAST) return;
  const middle = place.x + wide / 2;
  const y = place.y - 1.4 * TITLES * l.textScale - tall;
  const w = tall * original.columns / original.rows;
  const picture = scene.cached(`original ${view.example}`, () => grey(scene, original));
  placeImage(ctx, picture, middle - w / 2, y, w, tall, css(scene.colours.line));
  labels.reserve(middle, y + tall / 2, w, tall);
  const how = { size: 13, colour: css(scene.colours.muted), over: true };
  labels.put(say("originalPicture"), [[middle, y - 0.6 * TITLES * l.textScale]], how);
  labels.put(say("receivedPicture"), [[middle, place.y - 0.6 * TITLES * l.textScale]], how);
}

/**
 * A grey picture as an image.
 * @param {import("./scene.js").Scene} scene
 * @param {{rows: number, columns: number, grey: Uint8Array}} original
 */
function grey({ colours }, original) {
  return image(original.columns, original.rows, (k) =>
    mix(colours.paper, colours.ink, 0.04 + 0.92 * original.grey[k] / 255),
  );
}

/**
 * An example as a small image: its picture, or what the network receives of it.
 * @param {import("./scene.js").Scene} scene
 * @param {number} example
 */
export function thumbnail(scene, example) {
  const original = scene.run.original(example);
  return original ? grey(scene, original) : pixels(scene, scene.run.exampleValues(example).x);
}

/** @param {ArrayLike<number>} values */
export function at(values) {
  return (/** @type {number} */ k) => values[k];
}
