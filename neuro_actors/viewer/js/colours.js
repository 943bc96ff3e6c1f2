// Colours: blue is positive, orange is negative. Colour-blind people can tell them apart, and a
// sign or a shape says the same. They are neuro_actors/support/palette.py's, on light and on dark.

/**
 * @typedef {{paper: number[], ink: number[], muted: number[], line: number[], plus: number[],
 *   minus: number[], empty: number[], loss: number[], accent: number[], workers: number[][],
 *   ground: number}} Palette `ground`: the share of a worker's colour in its ground
 */

export const WORKERS = 6; // the number of workers' colours; after these they are used again

/** @param {string} text for example #d55e00 @returns {number[]} */
export function rgb(text) {
  const hex = text.trim().replace("#", "");
  return [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

/** The page's colours, from its CSS. @param {Element} root @returns {Palette} */
export function palette(root) {
  const style = getComputedStyle(root);
  const names = ["paper", "ink", "muted", "line", "plus", "minus", "empty", "loss", "accent"];
  const found = Object.fromEntries(
    names.map((name) => [name, rgb(style.getPropertyValue(`--${name}`))]),
  );
  const workers = Array.from({ length: WORKERS }, (_, k) => rgb(style.getPropertyValue(`--w${k}`)));
  return /** @type {any} */ (
    { ...found, workers, ground: Number(style.getPropertyValue("--ground")) }
  );
}

/** @param {number[]} a @param {number[]} b @param {number} t @returns {number[]} */
export function mix(a, b, t) {
  return a.map((value, k) => value + (b[k] - value) * t);
}

/** @param {number[]} colour @param {number} [alpha] */
export function css(colour, alpha = 1) {
  return `rgba(${colour.map(Math.round).join(",")},${alpha})`;
}

/**
 * How strong a number is on a scale, 0 to 1. Small numbers are raised, so that they are visible.
 * @param {number} x
 * @param {number} most
 */
export function strength(x, most) {
  return most > 0 && x === x ? Math.min(1, Math.abs(x) / most) ** 0.6 : 0;
}

/**
 * The colour of a number: between empty and the colour of its sign.
 * @param {Palette} colours
 * @param {number} x
 * @param {number} most
 */
export function fill(colours, x, most) {
  return mix(colours.empty, x < 0 ? colours.minus : colours.plus, strength(x, most));
}

/**
 * Ink or paper: the one with the greater contrast to a colour.
 * @param {Palette} colours
 * @param {number[]} ground
 */
export function on(colours, ground) {
  const contrast = (/** @type {number[]} */ a) => {
    const [bright, dark] = [luminance(a), luminance(ground)].sort((x, y) => y - x);
    return (bright + 0.05) / (dark + 0.05);
  };
  return contrast(colours.ink) >= contrast(colours.paper) ? colours.ink : colours.paper;
}

/** @param {number[]} colour */
export function luminance(colour) {
  const [r, g, b] = colour.map((c) =>
    (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4),
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
