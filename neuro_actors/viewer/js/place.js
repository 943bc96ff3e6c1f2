// The place in a run and the settings, as the fragment of the page's address: #step=7&wave=3.5.
// What is as the page opens is left out, but not a language that was asked for: another reader's
// browser may have another one. What a fragment has that is not known, or is out of range, is
// ignored. For a step that the page does not have, it shows the nearest one, and says so.

import { MOST_ZOOM, WHOLE } from "./zoom.js";

const CHOICES = /** @type {Record<string, readonly (string | number)[]>} */ ({
  view: ["auto", "nodes", "population"],
  colours: ["system", "light", "dark"],
  language: ["en", "fr"],
  speed: [0.25, 0.5, 1, 2, 4, 8],
  by: ["waves", "steps"],
  digits: [4, 17],
  maps: ["activations", "urgencies"],
});
const KEYS = /** @type {Record<string, string>} */ ({
  view: "shape", colours: "theme", language: "language", speed: "speed", by: "pace",
  digits: "digits", maps: "maps",
});

/** @typedef {Record<string, any>} Place a part of the page's state, and `digits` */

/**
 * The fragment of a place, without its #.
 * @param {Place} now
 * @param {Place} opening the place at which the page opens
 * @param {import("./data.js").Run} run
 * @returns {string}
 */
export function writePlace(now, opening, run) {
  /** @type {[string, string | number][]} */
  const parts = [];
  const differs = (/** @type {string} */ key) => now[key] !== opening[key];
  if (differs("step")) parts.push(["step", run.steps[now.step].number]);
  if (differs("t")) parts.push(["wave", Number(now.t.toFixed(2))]);
  if (now.follow)
    parts.push(["example", now.example < 0 ? "mean" : now.example + 1]);
  const { chosen } = now;
  const { ids, sources, targets } = run.network;
  if (chosen?.kind === "neuron") parts.push(["neuron", ids[chosen.k]]);
  if (chosen?.kind === "synapse") {
    parts.push(["from", ids[sources[chosen.k]]], ["to", ids[targets[chosen.k]]]);
  }
  if (chosen?.kind === "loss") parts.push(["loss", 1]);
  if (String(now.positions) !== String(opening.positions)) parts.push(["at", now.positions.join()]);
  if (now.why) parts.push(["why", 1]);
  for (const [key, field] of Object.entries(KEYS))
    if (differs(field) || (key === "language" && now.languageAsked)) parts.push([key, now[field]]);
  if (!now.workers) parts.push(["workers", "hidden"]);
  if (now.zoom.by > 1) {
    const { by, x, y } = now.zoom;
    parts.push(["zoom", [by, x, y].map((v) => Number(v.toFixed(3))).join(",")]);
  }
  if (now.talk !== null) parts.push(["talk", now.talk + 1]);
  return new URLSearchParams(parts.map(([key, value]) => [key, String(value)])).toString();
}

/**
 * What a fragment says of the place; only what is right.
 * @param {string} fragment with or without its #
 * @param {Place} opening the place at which the page opens
 * @param {import("./data.js").Run} run
 * @returns {Place}
 */
export function readPlace(fragment, opening, run) {
  const asked = new URLSearchParams(fragment.replace(/^#/, ""));
  /** @type {Place} */
  const place = {
    ...opening, chosen: null, why: false, workers: true, zoom: WHOLE, talk: null,
    absent: null, languageAsked: false, positions: run.middle,
  };
  const number = (/** @type {string} */ key) => {
    const text = asked.get(key) ?? "";
    return /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : NaN;
  };
  if (Number.isInteger(number("step"))) {
    const away = run.steps.map((/** @type {any} */ one) => Math.abs(one.number - number("step")));
    const least = away.reduce((/** @type {number} */ a, /** @type {number} */ b) => Math.min(a, b));
    place.step = away.indexOf(least);
    if (least > 0) place.absent = { asked: number("step"), step: place.step };
  }
  if (number("wave") >= 0) place.t = number("wave"); // what is past the step's end is its end
  const example = number("example") - 1;
  if (Number.isInteger(example) && example >= 0 && example < run.nExamples)
    Object.assign(place, { example, follow: true });
  if (asked.get("example") === "mean" && run.notes.batch > 1)
    Object.assign(place, { example: -1, follow: true });
  const { ids, sources, targets } = run.network;
  const neuron = (/** @type {string} */ key) => ids.indexOf(asked.get(key) ?? "");
  const [from, to] = [neuron("from"), neuron("to")];
  const synapse = sources.findIndex((k, s) => k === from && targets[s] === to);
  if (neuron("neuron") >= 0) place.chosen = { kind: "neuron", k: neuron("neuron") };
  else if (synapse >= 0) place.chosen = { kind: "synapse", k: synapse };
  else if (asked.get("loss") === "1") place.chosen = { kind: "loss" };
  const { sizes } = run.network.elements;
  const at = (asked.get("at") ?? "").split(",").map((text) => /^\d{1,9}$/.test(text) ? +text : NaN);
  if (at.length === sizes.length && at.every((position, grid) => position < sizes[grid]))
    place.positions = at;
  place.why = asked.get("why") === "1" && place.chosen?.kind === "neuron";
  for (const [key, field] of Object.entries(KEYS)) {
    const text = asked.get(key) ?? (key === "language" ? asked.get("lang") : null);
    const found = CHOICES[key].find((one) => String(one) === text);
    if (found !== undefined) place[field] = found;
    if (found !== undefined && key === "language") place.languageAsked = true;
  }
  place.workers = asked.get("workers") !== "hidden";
  const [by, x, y, ...more] = (asked.get("zoom") ?? "").split(",").map(Number);
  const inside = (/** @type {number} */ v) => v >= 0 && v <= 1;
  if (by > 1 && by <= MOST_ZOOM && inside(x) && inside(y) && !more.length)
    place.zoom = { by, x, y };
  const talk = number("talk") - 1;
  if (Number.isInteger(talk) && talk >= 0) place.talk = talk;
  return place;
}

/**
 * Keep the page's address at its place, and go where the address says. Works without a network,
 * from a file. In a frame without an address, nothing is kept.
 * @param {any} app
 */
export function keepPlace(app) {
  const opening = app.place();
  const read = () => {
    if (location.hash.length > 1) app.go(readPlace(location.hash, opening, app.run));
  };
  let written = location.hash.replace(/^#/, "");
  window.addEventListener("hashchange", () => {
    if (location.hash.replace(/^#/, "") === written) return;
    app.go(readPlace(location.hash, opening, app.run));
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;
  const write = () => {
    soon = undefined;
    const now = writePlace(app.place(), opening, app.run);
    if (now === written) return;
    written = now;
    try {
      history.replaceState(null, "", now ? `#${now}` : location.href.split("#")[0]);
    } catch {
      // a frame without an address
    }
  };
  read();
  return () => {
    if (soon === undefined && !app.state.playing) soon = setTimeout(write, 300);
  };
}
