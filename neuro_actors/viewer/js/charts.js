// Small drawings beside the numbers: a function with its tangent, values over the steps.

import { svg } from "./dom.js";
import { rounded, shown } from "./numbers.js";

const [W, H, PAD, LEFT] = [340, 150, 26, 66];

/**
 * Draw a function with the neuron's point on it and the tangent there.
 * @param {{z: number[], a: number[]}} samples
 * @param {number} z
 * @param {number} a
 * @param {number} slope
 * @param {string} label
 */
export function functionChart(samples, z, a, slope, label) {
  const one = unit([z, a]);
  const [zt, at] = [z / one, a / one]; // as they are drawn
  const reach = Math.max(3, Math.abs(zt) * 1.35);
  const inside = samples.z
    .map((x, k) => [x / one, samples.a[k] / one])
    .filter(([x]) => Math.abs(x) <= reach);
  const [low, high] = spread(inside.map(([, y]) => y).concat(at, 0));
  const x = (/** @type {number} */ v) => PAD + ((v + reach) / (2 * reach)) * (W - 2 * PAD);
  const y = (/** @type {number} */ v) => H - 14 - ((v - low) / (high - low)) * (H - 28);
  const path = inside.map(([u, v], k) =>
    `${k ? "L" : "M"}${x(u).toFixed(1)} ${y(v).toFixed(1)}`,
  ).join("");
  const parts = [
    svg("path", { class: "axis", d: `M${PAD} ${y(0)}H${W - PAD}M${x(0)} 8V${H - 8}` }),
    svg("path", { class: "line", d: path }),
  ];
  if (z === z && a === a) {
    const half = Math.min(
      reach * 0.45,
      Math.max((high - low) * 0.12, Math.min(high - at, at - low))
        / Math.max(1e-9, Math.abs(slope)),
    );
    if (slope === slope)
      parts.push(
        svg(
          "path",
          {
            class: "tangent",
            d: `M${x(zt - half)} ${y(at - half * slope)}L${x(zt + half)} ${y(at + half * slope)}`,
          },
        ),
      );
    parts.push(
      svg("path", { class: "guide", d: `M${x(zt)} ${y(0)}V${y(at)}H${x(0)}` }),
      svg("circle", { class: "dot", cx: x(zt), cy: y(at), r: 5 }),
      svg(
        "text",
        { x: clamp(x(zt), 40, W - 40), y: y(0) + (a >= 0 ? 16 : -7), "text-anchor": "middle" },
        `z = ${shown(z)}`,
      ),
      a === 0
        ? ""
        : svg(
          "text",
          {
            x: x(0) + (z > 0 ? -7 : 7),
            y: clamp(y(at) + (a < 0 ? 16 : -7), 14, H - 6),
            "text-anchor": z > 0 ? "end" : "start",
          },
          `a = ${shown(a)}`,
        ),
    );
  }
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label },
    parts,
  );
}

/**
 * Draw values over the steps, with a mark at the present step.
 * @param {{values: number[], kind: string}[]} lines
 * @param {number} now the index of the present step
 * @param {string} label
 * @param {number[]} numbers the steps' numbers
 */
export function overSteps(lines, now, label, numbers) {
  const h = 96;
  const all = lines.flatMap((line) => line.values).filter((v) => v === v);
  const one = unit(all);
  const [low, high] = spread([0, ...all.map((v) => v / one)]);
  const n = numbers.length;
  const x = (/** @type {number} */ k) => LEFT + (
    n > 1 ? (k / (n - 1)) * (W - LEFT - 10) : (W - LEFT - 10) / 2
  );
  const y = (/** @type {number} */ v) => h - 18 - ((v / one - low) / (high - low)) * (h - 30);
  const parts = [
    svg("path", { class: "axis", d: `M${LEFT} ${y(0)}H${W - 10}` }),
    svg("path", { class: "now", d: `M${x(now)} 6V${h - 16}` }),
  ];
  for (const { values, kind } of lines) {
    let path = ""; // from point to point, also over steps without a value
    values.forEach((v, k) => {
      if (v === v) path += `${path ? "L" : "M"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`;
    });
    if (values.some((v) => v !== v)) {
      values.forEach((v, k) => {
        const at = { class: `dot ${kind}`, cx: x(k), cy: y(v), r: 1.5 };
        if (v === v) parts.push(svg("circle", at));
      });
    }
    parts.push(
      svg("path", { class: `line ${kind}`, d: n > 1 ? path : `M${x(0) - 4} ${y(values[0])}h8` }),
    );
    if (values[now] === values[now])
      parts.push(svg("circle", { class: `dot ${kind}`, cx: x(now), cy: y(values[now]), r: 4 }));
  }
  const [top, bottom] = [Math.max(0, ...all), Math.min(0, ...all)];
  parts.push(svg("text", { x: LEFT - 5, y: y(top) + 4, "text-anchor": "end" }, mark(top)));
  if (y(bottom) - y(top) > 16)
    parts.push(svg("text", { x: LEFT - 5, y: y(bottom) + 4, "text-anchor": "end" }, mark(bottom)));
  parts.push(
    svg("text", { x: LEFT, y: h - 2 }, String(numbers[0])),
    svg("text", { x: W - 10, y: h - 2, "text-anchor": "end" }, String(numbers[n - 1])),
  );
  return svg(
    "svg",
    { class: "chart low", viewBox: `0 0 ${W} ${h}`, role: "img", "aria-label": label },
    parts,
  );
}

/**
 * Round numbers from 0 up to the greatest value: the ticks of an axis.
 * @param {number} high
 * @param {number} most how many, beside 0
 * @returns {number[]}
 */
export function niceTicks(high, most) {
  if (!(high > 0) || !Number.isFinite(high)) return [0];
  const size = 10 ** Math.floor(Math.log10(high / most));
  const step = size * (/** @type {number} */ ([1, 2, 5, 10].find(
    (by) => high / (size * by) < most + 1,
  )));
  const n = Math.floor(high / step + 1e-9);
  return Array.from({ length: n + 1 }, (_, k) => rounded(k * step, 6));
}

/**
 * How far down a loss is drawn, in percent of the curve's height.
 * @param {number[]} values all losses
 * @returns {(value: number) => number}
 */
export function lossHeight(values) {
  const one = unit(values);
  const [low, high] = spread([0, Math.max(0, ...values) / one]);
  return (v) => 96 - ((v / one - low) / (high - low)) * 90;
}

/**
 * Draw the loss over the steps, as large as its box.
 * @param {number[]} places from 0 to 1
 * @param {number[]} values
 * @param {number[]} ticks the losses that have a line
 */
export function lossCurve(places, values, ticks) {
  const y = lossHeight(values);
  const x = (/** @type {number} */ place) => (place * 1000).toFixed(1);
  const points = places.map((place, k) => `${x(place)} ${y(values[k]).toFixed(2)}`);
  const [left, right] = [x(places[0]), x(places[places.length - 1])];
  const grid = ticks.map((v) => `M0 ${y(v).toFixed(2)}H1000`).join("");
  const parts = points.length
    ? [
        svg("path", { class: "grid", d: grid, "vector-effect": "non-scaling-stroke" }),
        svg(
          "path",
          {
            class: "area",
            d: `M${left} 100L${points.join("L")}L${right} 100Z`,
          },
        ),
        svg(
          "path",
          {
            class: "line",
            d: `M${points.join("L")}${points.length === 1 ? "m-30 0h60" : ""}`,
            "vector-effect": "non-scaling-stroke",
          },
        ),
      ]
    : [];
  return svg(
    "svg",
    { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    parts,
  );
}

/**
 * What the numbers of a chart are divided by, so that their differences are numbers, too.
 * @param {number[]} values
 */
function unit(values) {
  return values.some((v) => Math.abs(v) > 1e300) ? 2 ** 64 : 1;
}

/** The ends of an axis, with some room. @param {number[]} values */
function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(high > low)) return [low - 1, high + 1];
  const more = (high - low) * 0.06;
  return [low - more, high + more];
}

function mark(/** @type {number} */ v) {
  return v === 0 ? "0" : shown(rounded(v, 2));
}

function clamp(/** @type {number} */ v, /** @type {number} */ low, /** @type {number} */ high) {
  return Math.max(low, Math.min(high, v));
}
