// Arrays of numbers as the page contains them: base64 of little-endian numbers.

/** @param {string} text base64 @returns {Uint8Array} */
function bytes(text) {
  const native = /** @type {any} */ (Uint8Array).fromBase64; // where the browser is new enough
  if (native) return native.call(Uint8Array, text);
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k);
  return out;
}

/**
 * The exponent before an array's base64, as in "40:…": its numbers are to be multiplied by a
 * power of two. Without one it is 0.
 * @param {string} text
 * @returns {[number, string]} the exponent and the base64
 */
function parted(text) {
  const end = text.slice(0, 8).indexOf(":"); // base64 contains no colon
  return end < 0 ? [0, text] : [Number(text.slice(0, end)), text.slice(end + 1)];
}

/**
 * @param {string} text
 * @param {number} item the bytes of one number
 * @returns {Float64Array | Float32Array}
 */
export function floats(text, item) {
  const [exponent, base64] = parted(text);
  const raw = bytes(base64);
  const numbers = item === 8 ? new Float64Array(raw.buffer) : new Float32Array(raw.buffer);
  return exponent ? Float64Array.from(numbers, (x) => x * 2 ** exponent) : numbers;
}

/** @param {string} text @returns {Int32Array} */
export function whole(text) {
  return new Int32Array(bytes(text).buffer);
}

/**
 * Read one number without decoding the rest.
 * @param {string} text
 * @param {number} item
 * @param {number} place
 */
export function floatAt(text, item, place) {
  const [exponent, base64] = parted(text);
  const first = Math.floor((place * item) / 3);
  const raw = atob(base64.slice(first * 4, (Math.floor((place * item + item - 1) / 3) + 1) * 4));
  const view = new DataView(new ArrayBuffer(item));
  for (let k = 0; k < item; k++) view.setUint8(k, raw.charCodeAt(place * item - first * 3 + k));
  return (item === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true)) * 2 ** exponent;
}
