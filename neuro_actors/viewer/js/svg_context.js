// A drawing context that writes SVG: the part of CanvasRenderingContext2D that the stage uses.

const DEGREES = 180 / Math.PI;

/** @param {unknown} text */
function escaped(text) {
  return String(text)
    .replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, "\ufffd") // XML has none of these
    .replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

const round = (/** @type {number} */ v) => Number(v.toFixed(2));

export class SvgContext {
  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** @type {string[]} */
    this._out = [];
    this._path = "";
    this._clips = 0;
    this._open = 0; // groups
    /** @type {any[]} */
    this._saved = [];
    /** measures text; there is none outside of a browser */
    this._measure = typeof document === "undefined"
      ? null
      : document.createElement("canvas").getContext("2d");
    this.fillStyle = this.strokeStyle = "#000";
    this.lineWidth = this.globalAlpha = 1;
    this.lineCap = "butt";
    this.lineJoin = "miter";
    this.font = "10px sans-serif";
    this.textAlign = "start";
    this.textBaseline = "alphabetic";
    this.direction = "ltr";
    this.imageSmoothingEnabled = true;
    /** @type {number[]} */
    this._dash = [];
  }

  /** The SVG file. */
  text() {
    const size = `width="${this.width}" height="${this.height}"`;
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} ` +
      `viewBox="0 0 ${this.width} ${this.height}">\n` +
      `${this._out.join("\n")}${"</g>".repeat(this._open)}\n</svg>\n`
    );
  }

  _group(/** @type {string} */ attribute) {
    this._out.push(`<g ${attribute}>`);
    this._open += 1;
  }

  save() {
    const { fillStyle, strokeStyle, lineWidth, globalAlpha, lineCap, font, _dash, _open } = this;
    this._saved.push(
      { fillStyle, strokeStyle, lineWidth, globalAlpha, lineCap, font, _dash, _open },
    );
  }

  restore() {
    const { _open, ...before } = this._saved.pop();
    this._out.push("</g>".repeat(this._open - _open));
    Object.assign(this, before, { _open });
  }

  translate(/** @type {number} */ x, /** @type {number} */ y) {
    this._group(`transform="translate(${round(x)} ${round(y)})"`);
  }

  rotate(/** @type {number} */ angle) {
    this._group(`transform="rotate(${round(angle * DEGREES)})"`);
  }

  clip() {
    const id = `clip${(this._clips += 1)}`;
    this._out.push(`<clipPath id="${id}"><path d="${this._path}"/></clipPath>`);
    this._group(`clip-path="url(#${id})"`);
  }

  beginPath() {
    this._path = "";
  }

  _to(/** @type {string} */ command, /** @type {number[]} */ numbers) {
    this._path += `${command}${numbers.map(round).join(" ")}`;
  }

  moveTo(/** @type {number} */ x, /** @type {number} */ y) {
    this._to("M", [x, y]);
  }

  lineTo(/** @type {number} */ x, /** @type {number} */ y) {
    this._to("L", [x, y]);
  }

  bezierCurveTo(/** @type {number[]} */ ...numbers) {
    this._to("C", numbers);
  }

  closePath() {
    this._path += "Z";
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} r
   * @param {number} from
   * @param {number} to
   */
  arc(x, y, r, from, to) {
    const at = (/** @type {number} */ angle) => [x + r * Math.cos(angle), y + r * Math.sin(angle)];
    const whole = to - from >= 2 * Math.PI - 1e-9;
    const middle = (from + to) / 2;
    this._to(this._path && !whole ? "L" : "M", at(from));
    for (const angle of whole || to - from > Math.PI ? [middle, to] : [to])
      this._to("A", [r, r, 0, 0, 1, ...at(angle)]);
    if (whole) this.closePath();
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  rect(x, y, w, h) {
    this._path += `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}Z`;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} w
   * @param {number} h
   * @param {number} r
   */
  roundRect(x, y, w, h, r) {
    const turn = (/** @type {number} */ dx, /** @type {number} */ dy) =>
      `a${round(r)} ${round(r)} 0 0 1 ${round(dx)} ${round(dy)}`;
    this._path +=
      `M${round(x + r)} ${round(y)}h${round(w - 2 * r)}${turn(r, r)}v${round(h - 2 * r)}` +
      `${turn(-r, r)}h${round(2 * r - w)}${turn(-r, -r)}v${round(2 * r - h)}${turn(r, -r)}Z`;
  }

  setLineDash(/** @type {number[]} */ dash) {
    this._dash = dash;
  }

  _alpha() {
    return this.globalAlpha < 1 ? ` opacity="${round(this.globalAlpha)}"` : "";
  }

  fill() {
    if (this._path)
      this._out.push(`<path d="${this._path}" fill="${this.fillStyle}"${this._alpha()}/>`);
  }

  stroke() {
    if (!this._path) return;
    const dash = this._dash.length ? ` stroke-dasharray="${this._dash.join(" ")}"` : "";
    const cap = this.lineCap === "butt" ? "" : ` stroke-linecap="${this.lineCap}"`;
    this._out.push(
      `<path d="${this._path}" fill="none" stroke="${this.strokeStyle}" ` +
      `stroke-width="${round(this.lineWidth)}"${dash}${cap}${this._alpha()}/>`,
    );
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  fillRect(x, y, w, h) {
    const before = this._path;
    this._path = "";
    this.rect(x, y, w, h);
    this.fill();
    this._path = before;
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  strokeRect(x, y, w, h) {
    const before = this._path;
    this._path = "";
    this.rect(x, y, w, h);
    this.stroke();
    this._path = before;
  }

  measureText(/** @type {string} */ text) {
    if (!this._measure) return { width: text.length * 7 };
    this._measure.font = this.font;
    return this._measure.measureText(text);
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} [most] the greatest width
   */
  fillText(text, x, y, most) {
    const [, weight, size, family] = /^(?:(\d+) )?([\d.]+)px (.+)$/.exec(this.font) ?? [];
    const anchor = { center: "middle", right: "end" }[this.textAlign] ?? "start";
    const down = this.textBaseline === "middle" ? Number(size) * 0.35 : 0;
    const tight = most && this.measureText(text).width > most
      ? ` textLength="${round(most)}" lengthAdjust="spacingAndGlyphs"`
      : "";
    this._out.push(
      `<text x="${round(x)}" y="${round(y + down)}" font-family="${escaped(family)}" ` +
      `font-size="${size}" font-weight="${weight ?? 400}" text-anchor="${anchor}" ` +
      `fill="${this.fillStyle}"${tight}${this._alpha()}>${escaped(text)}</text>`,
    );
  }

  /**
   * @param {HTMLCanvasElement} picture
   * @param {number} x
   * @param {number} y
   * @param {number} w
   * @param {number} h
   */
  drawImage(picture, x, y, w, h) {
    this._out.push(
      `<image x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" ` +
      `preserveAspectRatio="none" style="image-rendering:pixelated" ` +
      `href="${picture.toDataURL()}"${this._alpha()}/>`,
    );
  }
}
