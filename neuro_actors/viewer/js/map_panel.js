// The maps of a neuron in the panel, large: its activations and its urgencies at all its positions.
// The pointer or the arrow keys choose a position.

import { areShares, beside, fit, positionAt, positionName } from "./arrangement.js";
import { arrangementOf, headsOf } from "./attention.js";
import { css } from "./colours.js";
import { el } from "./dom.js";
import { FONT, plain } from "./labels.js";
import { drawMap, framePositions } from "./maps.js";
import { rounded, short, shown, signed } from "./numbers.js";

const [WIDEST, TALLEST_MAP, LARGEST_CELL] = [330, 260, 44]; // in pixels
const EDGE = 2; // room around a map for the frame of a position
const [NUMBER_ROW, NUMBER_SIZE, LEAST_NUMBER] = [18, 12, 14]; // of queries and keys beside a matrix

/**
 * The maps of a neuron; nothing if it lives at one position.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function mapsSection(app, k) {
  const { scene } = app;
  const { network, say, waves, t, scales, view } = scene;
  if (network.positions(k) < 2) return null;
  const a = arrangementOf(network, k);
  const isWeight = headsOf(network).includes(k);
  const isShare = isWeight && areShares(a, scene.map(k, "activations"));
  const size = a.pairs ? [a.rows, a.columns] : network.gridOf(k);
  return el(
    "section",
    { class: "maps" },
    el(
      "h3",
      {},
      el("span", { class: "what", text: say(isWeight ? "attention" : "atPositions") }),
      el("span", { class: "formula", text: size.join(" × ") }),
    ),
    a.pairs
      ? el("p", { class: "note", text: say(isWeight ? "aboutAttention" : "aboutPairs") })
      : null,
    isShare ? el("p", { class: "note", text: say("addsUp") }) : null,
    isWeight ? headChooser(app, k) : null,
    mapFigure(app, k, "activations", isShare ? 1 : scales.activation, t >= waves.sends[k]),
    view.u[k] === view.u[k]
      ? mapFigure(app, k, "urgencies", scales.urgency, waves.isUrged(k, t))
      : null,
    el("p", { class: "note", text: say("aboutMaps") }),
  );
}

/** A menu of the heads, to compare who attends to whom. */
export function headChooser(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number | null} */ chosen,
) {
  const { say, network } = app.scene;
  const heads = headsOf(network);
  const options = heads.map((k) => el("option", { value: k, text: plain(network.ids[k], 40) }));
  const none = chosen === null ? [el("option", { value: "", text: say("nothingChosen") })] : [];
  const menu = el(
    "select",
    {
      "data-focus": "head",
      onchange: (/** @type {any} */ event) =>
        app.choose({ kind: "neuron", k: Number(event.target.value) }),
    },
    none,
    options,
  );
  menu.value = chosen === null ? "" : String(chosen);
  return el("label", { class: "heads" }, el("span", { text: say("attentionHead") }), menu);
}

/**
 * One map with its title, its scale, and the number under the pointer.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 * @param {"activations" | "urgencies"} name
 * @param {number} most the scale
 * @param {boolean} known whether the neuron has these numbers at this moment
 */
function mapFigure(app, k, name, most, known) {
  const { scene } = app;
  const { network, say, view } = scene;
  const a = arrangementOf(network, k);
  const values = scene.map(k, name);
  const isShare = name === "activations" && headsOf(network).includes(k) && areShares(a, values);
  const title = say(name === "activations" ? "activation" : "urgency");
  const describe = (/** @type {number} */ p) => say(a.pairs ? "pairHas" : "positionHas", {
    p: positionName(a, p), row: a.row[p], column: a.column[p], value: signed(values[p]),
  });
  const chosen = view.at(k);
  const scale = isShare ? say("fromTo01") : `± ${shown(rounded(most, 2))}`;
  const readout = el("p", { class: "readout", text: describe(chosen) });
  const canvas = el("canvas", {
    role: "slider",
    tabindex: 0,
    "data-focus": `map ${name}`,
    "aria-label": say("mapOf", { what: title, name: plain(network.ids[k]) }),
    "aria-valuemin": 0,
    "aria-valuemax": values.length - 1,
    "aria-valuenow": chosen,
    "aria-valuetext": describe(chosen),
    onpointermove: (/** @type {PointerEvent} */ event) => {
      const p = under(event);
      readout.textContent = describe(p < 0 ? chosen : p);
    },
    onpointerleave: () => (readout.textContent = describe(chosen)),
    onclick: (/** @type {MouseEvent} */ event) => {
      const p = under(event);
      if (p >= 0) app.choosePosition(k, p);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const p = next(a, chosen, event.key);
      if (p < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (p !== chosen) app.choosePosition(k, p);
    },
  });
  const box = paint(canvas, scene, k, { values, most, isShare });
  const under = (/** @type {MouseEvent} */ event) => {
    const at = canvas.getBoundingClientRect();
    return positionAt(
      a,
      (event.clientX - at.left - box.x) / box.w,
      (event.clientY - at.top - box.y) / box.h,
    );
  };
  return el(
    "figure",
    { class: known ? null : "later" },
    el(
      "figcaption",
      {},
      el("span", { text: title }),
      el("span", { class: "reach", text: scale }),
    ),
    canvas,
    readout,
  );
}

/**
 * The position to which a key goes; -1 if it is no key of a map.
 * @param {import("./arrangement.js").Arrangement} a
 * @param {number} p
 * @param {string} key
 */
function next(a, p, key) {
  /** @type {Record<string, [number, number]>} */
  const ways = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  };
  if (key === "Home") return 0;
  if (key === "End") return a.row.length - 1;
  return ways[key] ? beside(a, p, ...ways[key]) : -1;
}

/**
 * Draw a map on its canvas, of a matrix with the numbers of queries and keys. Returns its box.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {{values: ArrayLike<number>, most: number, isShare: boolean}} what `isShare`: numbers from
 *   0 to 1, which need no sign
 */
function paint(canvas, scene, k, { values, most, isShare }) {
  const { colours, network, reached, view } = scene;
  const a = arrangementOf(network, k);
  const reach = reached?.get(k);
  const margin = a.pairs ? NUMBER_ROW : 0;
  const size = fit(
    a,
    Math.min(WIDEST - margin, a.columns * LARGEST_CELL),
    Math.min(TALLEST_MAP, a.rows * LARGEST_CELL),
  );
  const box = { x: EDGE + margin, y: EDGE + margin, w: size.width, h: size.height };
  const [wide, tall] = [box.x + box.w + EDGE, box.y + box.h + EDGE];
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  [canvas.width, canvas.height] = [wide, tall].map((side) => Math.ceil(side * ratio));
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${tall}px`;
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  const text = (/** @type {number} */ x) => (isShare ? short(x).replace("+", "") : short(x));
  drawMap(ctx, a, values, box, colours, most, undefined, text);
  ctx.strokeStyle = css(colours.line);
  ctx.lineWidth = 1;
  ctx.strokeRect(box.x - 0.5, box.y - 0.5, box.w + 1, box.h + 1);
  if (reach) framePositions(ctx, a, box, reach, css(colours.loss), 3);
  framePositions(ctx, a, box, [view.at(k)], css(colours.accent), 2.5);
  if (margin && size.cell >= LEAST_NUMBER) {
    ctx.font = `${NUMBER_SIZE}px ${FONT}`;
    ctx.fillStyle = css(colours.muted);
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (let c = 0; c < a.columns; c++)
      ctx.fillText(String(c), box.x + (c + 0.5) * size.cell, margin / 2);
    for (let r = 0; r < a.rows; r++)
      ctx.fillText(String(r), margin / 2, box.y + (r + 0.5) * size.cell);
  }
  return box;
}
