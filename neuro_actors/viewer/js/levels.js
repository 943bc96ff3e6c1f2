// Below the nodes: which level each column is, or in a network of many levels which layer.

import { css } from "./colours.js";
import { plain } from "./labels.js";
import { count } from "./numbers.js";

const LEAST_PART = 0.7; // of a name that can be read
const [FIRST_ROW, ROW, LINE_ABOVE] = [12, 21, 11]; // of layers' names, in pixels from the bottom

/**
 * Write under each column which level it is, and how many neurons it has; under narrow columns the
 * names of layers, if the neurons' names tell them.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
export function writeLevels(ctx, labels, scene) {
  const { layout: l, network, colours, say } = scene;
  const colour = css(colours.muted);
  if (l.layers.length) {
    writeLayers(ctx, labels, scene);
    return;
  }
  for (const column of l.columns) {
    const n = network.levels[column.level].length;
    const wide = column.right - column.left - 8;
    const key = column.level === 0 ? "inputsOf" : n === 1 ? "neuronOf" : "neuronsOf";
    const text = say(wide < 110 * l.textScale ? "bare" : key, { level: column.level, n: count(n) });
    if (n && wide > 20)
      labels.put(text, [[column.x, l.height - 12]], { size: 13, colour, within: wide });
  }
}

/**
 * Write the names of layers, each under a line along its columns.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./labels.js").Labels} labels
 * @param {import("./scene.js").Scene} scene
 */
function writeLayers(ctx, labels, { layout: l, colours }) {
  ctx.strokeStyle = css(colours.muted);
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  l.layers.forEach((row, k) => {
    const y = l.height - (FIRST_ROW + k * ROW) * Math.min(1.2, l.textScale);
    for (const { name, first, last } of row) {
      const [left, right] = [l.columns[first].left + 3, l.columns[last].right - 3];
      ctx.moveTo(left, y - LINE_ABOVE);
      ctx.lineTo(right, y - LINE_ABOVE);
      const how = { size: k ? 11.5 : 13, colour: css(colours.muted) };
      const [text, x] = [plain(name), (left + right) / 2];
      const wide = labels.measure(text, how);
      if (!labels.put(text, [[x, y]], how) && right - left > LEAST_PART * wide)
        labels.put(text, [[x, y]], { ...how, within: right - left });
    }
  });
  ctx.stroke();
}
