// Numbers as text: with their signs, and with as many digits as they carry.

const MINUS = "−";

/**
 * How numbers are shown: the number of significant digits (17: all), the decimal mark, and what
 * stands between thousands.
 */
export const style = { digits: 4, mark: ".", apart: "," };

/** @param {string} text @returns {string} */
function typographic(text) {
  const [head, power] = text.split("e");
  const mantissa = head.replace("-", MINUS).replace(".", style.mark);
  if (power === undefined) return mantissa;
  const raised = [...power.replace("+", "")]
    .map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]))
    .join("");
  return `${mantissa}·10${raised}`;
}

/** @param {string} text @returns {string} without trailing zeros */
function trimmed(text) {
  const [head, power] = text.split("e");
  const short = head.includes(".") ? head.replace(/\.?0+$/, "") : head;
  return power === undefined ? short : `${short}e${power}`;
}

/**
 * A number in a formula: 0.6, −1.25, 3.1·10⁻⁵; – for NaN, ∞ for more than any number.
 * @param {number} x
 * @returns {string}
 */
export function shown(x) {
  if (Number.isNaN(x)) return "–";
  if (Math.abs(x) === Infinity) return x > 0 ? "∞" : `${MINUS}∞`; // more than any number
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (style.digits > 16) return typographic(String(x));
  if (size >= 1e6 || size < 1e-4) return typographic(trimmed(x.toExponential(style.digits - 1)));
  return typographic(
    trimmed(
      x.toPrecision(style.digits).includes("e")
        ? String(Math.round(x))
        : x.toPrecision(style.digits),
    ),
  );
}

/** The same with its sign, also +. @param {number} x @returns {string} */
export function signed(x) {
  return x > 0 ? `+${shown(x)}` : shown(x);
}

/**
 * A number rounded to some significant digits; the greatest numbers are rounded to none.
 * @param {number} x
 * @param {number} digits
 */
export function rounded(x, digits) {
  const near = Number(x.toPrecision(digits));
  return Math.abs(near) === Infinity ? x : near;
}

/**
 * A number with two decimals and a sign, for the inside of a node.
 * @param {number} x
 * @returns {string}
 */
export function short(x) {
  if (Number.isNaN(x)) return "–";
  const size = Math.abs(x);
  if (size === Infinity) return signed(x);
  if (size >= 1000) return (x > 0 ? "+" : "") + typographic(x.toExponential(0));
  const text = size >= 100 ? x.toFixed(0) : size >= 10 ? x.toFixed(1) : x.toFixed(2);
  if (Number(text) === 0) return x === 0 ? "0" : x > 0 ? "+0" : `${MINUS}0`;
  return (x > 0 ? "+" : "") + typographic(text);
}

/** The same, but small numbers are not rounded to 0: +0.004. @param {number} x @returns {string} */
export function fine(x) {
  const size = Math.abs(x);
  return size >= 0.01 || size < 5e-4 || x !== x
    ? short(x)
    : (x > 0 ? "+" : "") + typographic(String(Number(x.toPrecision(1))));
}

/** A count: 1,000 in English, 1 000 in French. @param {number} n @returns {string} */
export function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, style.apart);
}
