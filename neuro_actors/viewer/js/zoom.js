// Zoom and pan: the society is laid out larger than the stage, and the stage shows a part of it.

/** @typedef {{by: number, x: number, y: number}} Zoom how much, and its centre, 0 to 1 */

export const MOST_ZOOM = 16;
/** @type {Zoom} */
export const WHOLE = { by: 1, x: 0.5, y: 0.5 };

function within(/** @type {number} */ v, /** @type {number} */ low, /** @type {number} */ high) {
  return Math.max(low, Math.min(high, v));
}

/**
 * Where the stage begins in the layout, in pixels.
 * @param {Zoom} zoom
 * @param {number} width of the stage
 * @param {number} height
 */
export function corner(zoom, width, height) {
  return {
    x: within(zoom.x * zoom.by * width - width / 2, 0, (zoom.by - 1) * width),
    y: within(zoom.y * zoom.by * height - height / 2, 0, (zoom.by - 1) * height),
  };
}

/** The zoom whose stage begins at a place. */
function beginningAt(
  /** @type {number} */ by,
  /** @type {number} */ x,
  /** @type {number} */ y,
  /** @type {number} */ width,
  /** @type {number} */ height,
) {
  const at = {
    x: within(x, 0, (by - 1) * width),
    y: within(y, 0, (by - 1) * height),
  };
  return { by, x: (at.x + width / 2) / (by * width), y: (at.y + height / 2) / (by * height) };
}

/**
 * Zoom so that the point of the society at a point of the stage stays there.
 * @param {Zoom} zoom
 * @param {number} factor
 * @param {{x: number, y: number, width: number, height: number}} at the point, and the stage's size
 * @returns {Zoom}
 */
export function zoomAt(zoom, factor, { x, y, width, height }) {
  const by = within(zoom.by * factor, 1, MOST_ZOOM);
  const from = corner(zoom, width, height);
  const part = by / zoom.by;
  return beginningAt(by, (from.x + x) * part - x, (from.y + y) * part - y, width, height);
}

/**
 * Move the society by some pixels.
 * @param {Zoom} zoom
 * @param {number} dx
 * @param {number} dy
 * @param {{width: number, height: number}} stage
 * @returns {Zoom}
 */
export function pan(zoom, dx, dy, { width, height }) {
  const from = corner(zoom, width, height);
  return beginningAt(zoom.by, from.x - dx, from.y - dy, width, height);
}
