// Text on the canvas that never covers other text, and whose direction no character can change.

/**
 * Make a name safe to print: one line, not too long, without characters that change the text's
 * direction.
 * @param {string} name
 * @param {number} [most]
 */
export function plain(name, most = 24) {
  const flat = [
    ...name.replace(
      /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
      "\ufffd",
    ),
  ];
  return flat.length > most ? `${flat.slice(0, most - 1).join("")}…` : flat.join("");
}

export class Labels {
  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {import("./colours.js").Palette} colours
   * @param {number} width
   * @param {number} height
   * @param {number} scale of the text: a large screen is seen from further away
   */
  constructor(ctx, colours, width, height, scale) {
    this.scale = scale;
    this.ctx = ctx;
    this.colours = colours;
    this.width = width;
    this.height = height;
    /** @type {number[][]} left, top, right, bottom */
    this.boxes = [];
  }

  /**
   * Keep a box free of text.
   * @param {number} x
   * @param {number} y
   * @param {number} w
   * @param {number} h centre and size
   */
  reserve(x, y, w, h) {
    this.boxes.push([x - w / 2, y - h / 2, x + w / 2, y + h / 2]);
  }

  /** Whether a box is free. @param {number[]} box */
  free(box) {
    return (
      box[0] >= 0 && box[2] <= this.width && box[1] >= 0 && box[3] <= this.height &&
      !this.boxes.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])
    );
  }

  /** @param {string} text @param {{size: number, bold?: boolean}} how @returns its width */
  measure(text, { size, bold }) {
    this.ctx.font = `${bold ? 600 : 400} ${size * this.scale}px ${FONT}`;
    return this.ctx.measureText(text).width;
  }

  /**
   * Write at the first of some places that is free; returns whether one was.
   * @param {string} text
   * @param {[number, number][]} places
   * @param {{size?: number, bold?: boolean, colour?: string, align?: CanvasTextAlign, pill?:
   *   string, over?: boolean, within?: number}} [how]
   */
  put(text, places, how = {}) {
    const { ctx } = this;
    const size = (how.size ?? 13) * this.scale;
    ctx.font = `${how.bold ? 600 : 400} ${size}px ${FONT}`;
    let fitted = text;
    if (how.within)
      while (fitted.length > 2 && ctx.measureText(fitted).width > how.within)
        fitted = `${[...fitted].slice(0, -2).join("")}…`;
    const w = ctx.measureText(fitted).width + (how.pill ? 10 : 4);
    const align = how.align ?? "center";
    for (const [x, y] of places) {
      const wanted = align === "center" ? x : align === "left" ? x + w / 2 : x - w / 2;
      // what is written in any case is moved onto the stage
      const middle = how.over ? Math.max(w / 2, Math.min(this.width - w / 2, wanted)) : wanted;
      const box = [middle - w / 2, y - size * 0.68, middle + w / 2, y + size * 0.68];
      if (!how.over && !this.free(box)) continue;
      this.boxes.push(box);
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.direction = "ltr";
      if (how.pill) {
        ctx.fillStyle = how.pill;
        ctx.beginPath();
        ctx.roundRect(box[0], box[1], w, size * 1.36, 5);
        ctx.fill();
      }
      ctx.fillStyle = how.colour ?? `rgb(${this.colours.ink.join(",")})`;
      ctx.fillText(`\u2068${fitted}\u2069`, middle, y + size * 0.04);
      return true;
    }
    return false;
  }
}

export const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", ' +
  '"Liberation Sans", Arial, sans-serif';
