// A map: the numbers of one neuron at all its positions, blue where they are positive and orange
// where they are negative. Large cells have a sign, larger ones their number.

import { css, fill, on } from "./colours.js";
import { FONT } from "./labels.js";
import { short } from "./numbers.js";
import { image } from "./pictures.js";

const [SIGNS, NUMBERS] = [11, 38]; // pixels of a cell that has room for a sign, for a number
const TALLEST = 0.5; // of a row of tokens: its height as a part of its width

/** @typedef {import("./arrangement.js").Arrangement} Arrangement */
/** @typedef {{x: number, y: number, w: number, h: number}} Box */

/**
 * The box of a map in a square around a point; a single row or column is not too thin.
 * @param {Arrangement} a
 * @param {number} x
 * @param {number} y
 * @param {number} side
 * @returns {Box}
 */
export function mapBox(a, x, y, side) {
  const most = Math.max(a.rows, a.columns);
  const [w, h] = [a.columns, a.rows].map((n) => side * Math.max(n / most, TALLEST));
  return { x: x - w / 2, y: y - h / 2, w, h };
}

/**
 * The box of one position.
 * @param {Arrangement} a
 * @param {Box} box
 * @param {number} p
 * @returns {Box}
 */
export function cellBox(a, { x, y, w, h }, p) {
  const [wide, tall] = [w / a.columns, h / a.rows];
  return { x: x + a.column[p] * wide, y: y + a.row[p] * tall, w: wide, h: tall };
}

/**
 * A map as an image with one pixel for each position; where there is none, it is transparent.
 * @param {Arrangement} a
 * @param {ArrayLike<number>} values of the positions
 * @param {import("./colours.js").Palette} colours
 * @param {number} most the greatest size of the scale
 */
export function mapImage(a, values, colours, most) {
  return image(a.columns, a.rows, (cell) => {
    const p = a.at[cell];
    if (p < 0) return [];
    return values[p] === values[p] ? fill(colours, values[p], most) : colours.empty;
  });
}

/**
 * Draw a map.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Arrangement} a
 * @param {ArrayLike<number>} values
 * @param {Box} box
 * @param {import("./colours.js").Palette} colours
 * @param {number} most
 * @param {HTMLCanvasElement} [cells] its image, if it was made before
 * @param {(x: number) => string} [text] of a number
 */
export function drawMap(ctx, a, values, box, colours, most, cells, text = short) {
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(cells ?? mapImage(a, values, colours, most), box.x, box.y, box.w, box.h);
  const cell = Math.min(box.w / a.columns, box.h / a.rows);
  if (cell < SIGNS) return;
  ctx.strokeStyle = css(colours.paper, 0.8);
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const p of a.row.keys()) {
    const { x, y, w, h } = cellBox(a, box, p);
    ctx.rect(x, y, w, h);
  }
  ctx.stroke();
  for (const p of a.row.keys()) {
    const { x, y, w, h } = cellBox(a, box, p);
    const ink = css(on(colours, fill(colours, values[p], most)));
    const [middle, level] = [x + w / 2, y + h / 2];
    if (cell >= NUMBERS) writeCell(ctx, text(values[p]), middle, level, ink, cell);
    else drawSign(ctx, values[p], middle, level, Math.min(cell * 0.22, 4), ink);
  }
}

/** Write the number of a cell. */
function writeCell(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {string} */ text,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {string} */ ink,
  /** @type {number} */ cell,
) {
  ctx.font = `600 ${Math.min(14, cell * 0.32)}px ${FONT}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.direction = "ltr";
  ctx.fillStyle = ink;
  ctx.fillText(text, x, y, cell - 4);
}

/** Draw + or − in a cell, and nothing for 0. */
function drawSign(
  /** @type {CanvasRenderingContext2D} */ ctx,
  /** @type {number} */ value,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ size,
  /** @type {string} */ ink,
) {
  if (!value) return; // NaN, too
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  ctx.moveTo(x - size, y);
  ctx.lineTo(x + size, y);
  if (value > 0) {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x, y + size);
  }
  ctx.stroke();
}

/**
 * Frame some positions: each edge between a framed position and another one.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Arrangement} a
 * @param {Box} box
 * @param {Iterable<number>} positions
 * @param {string} colour
 * @param {number} width
 */
export function framePositions(ctx, a, box, positions, colour, width) {
  const framed = new Set(positions);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  for (const p of framed) {
    const { x, y, w, h } = cellBox(a, box, p);
    const [row, column] = [a.row[p], a.column[p]];
    const open = (/** @type {number} */ down, /** @type {number} */ right) => {
      const [r, c] = [row + down, column + right];
      const inside = r >= 0 && r < a.rows && c >= 0 && c < a.columns;
      return !inside || !framed.has(a.at[r * a.columns + c]);
    };
    /** @type {[boolean, number, number, number, number][]} */
    const edges = [
      [open(-1, 0), x, y, x + w, y],
      [open(1, 0), x, y + h, x + w, y + h],
      [open(0, -1), x, y, x, y + h],
      [open(0, 1), x + w, y, x + w, y + h],
    ];
    for (const [is, x1, y1, x2, y2] of edges) {
      if (!is) continue;
      ctx.moveTo(x1, y1);
      ctx.lineTo(x2, y2);
    }
  }
  ctx.stroke();
}
