// The panel when nothing is chosen: how to read the page, keys, and what was left out of the log.

import { el, svg } from "./dom.js";
import { headsOf } from "./attention.js";
import { learnWords, wordList } from "./learn_words.js";
import { headChooser } from "./map_panel.js";
import { count } from "./numbers.js";
import { workerList } from "./workers.js";

const MOST_WORKERS = 16; // the most that are listed

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function introPanel(app) {
  const { say, run, placement } = app.scene;
  const keys = [
    [say("nameSpace"), "keySpace"],
    ["← →", "keyArrows"],
    ["⇧ ← →", "keyShift"],
    ["↑ ↓", "keyPages"],
    [say("nameEnds"), "keyEnds"],
    ["N P", "keyNames"],
    ["W", "keyWhy"],
    ["+ − 0", "keyZoom"],
    ["T", "keyTalk"],
    ["F", "keyFull"],
    [say("nameEscape"), "keyEscape"],
  ];
  if (app.scene.info.tick) keys.splice(5, 0, ["[ ]", "keySequences"]);
  if (!run.network.elements.isPlain) keys.splice(-1, 0, ["U", "keyMaps"]);
  if (placement) keys.splice(-1, 0, ["M", "keyWorkers"]);
  const { notes } = run;
  const left = [];
  if (!notes.complete) left.push(say("incomplete"));
  if (notes.partial) left.push(say("partial"));
  if (notes.shownSteps < notes.steps)
    left.push(say("thinnedSteps", { shown: count(notes.shownSteps), all: count(notes.steps) }));
  if (notes.shownExamples < notes.batch)
    left.push(
      say(
        notes.shownExamples === 1 ? "thinnedExample" : "thinnedExamples",
        { shown: count(notes.shownExamples), all: count(notes.batch) },
      ),
    );
  if (notes.digits < 16) left.push(say("thinnedDigits"));
  if (!notes.synapses) left.push(say("thinnedSynapses", { all: count(run.network.nSynapses) }));
  if (!left.length) left.push(say("nothingLeftOut"));
  return [
    el("h2", { text: say("howTo") }),
    el("p", { class: "invite", text: say("invite") }),
    el(
      "ul",
      { class: "signs" },
      signs(app.scene).map(([sign, key]) =>
        el("li", {}, symbol(sign), el("span", { text: say(key) })),
      ),
    ),
    el("p", { class: "note", text: say("signColours") }),
    headsOf(run.network).length ? describeHeads(app) : null,
    describeSymbols(app.scene),
    placement ? describeWorkers(say, placement, run.network) : null,
    el(
      "section",
      {},
      el("h3", {}, el("span", { class: "what", text: say("keysTitle") })),
      el(
        "dl",
        { class: "keys" },
        keys.map(([key, what]) =>
          el(
            "div",
            {},
            el("dt", {}, key.split(" ").map((one) => el("kbd", { text: one }))),
            el("dd", { text: say(what) }),
          ),
        ),
      ),
    ),
    el(
      "section",
      { class: "log" },
      el("h3", {}, el("span", { class: "what", text: say("aboutLog") })),
      left.map((text) => el("p", { class: "note", text })),
      el(
        "p",
        {
          class: "note",
          text: Object.entries(notes.versions).map(([what, v]) => `${what} ${v}`).join(" · "),
        },
      ),
    ),
  ];
}

/**
 * The signs that are on the stage in this step.
 * @param {import("./scene.js").Scene} scene
 * @returns {string[][]} the drawing and the text of each
 */
export function signs(scene) {
  const { run, layout: l, network, view, waves, info } = scene;
  const cells = l.mode === "population";
  const isBack = waves.fromLoss >= 0;
  const isDead = l.drawn.some((k) => run.stuck(view, k) === "dead");
  const weights = [...view.weights].filter((_, s) => !network.isInterneuron(network.targets[s]));
  const { elements } = network;
  const isCombined = elements.combinations.some((one) => one !== null);
  /** @type {[boolean, string, string][]} */
  const all = [
    [cells, "cell", "signCell"],
    [cells && isBack, "cells", "signCells"],
    [true, "activation", "signActivation"],
    [isBack, "urgency", "signUrgency"],
    [l.picture !== null, "picture", "signPicture"],
    [!cells, "fill", "signFill"],
    [!cells && isCombined, "combined", "signCombined"],
    [!elements.isPlain, "map", cells ? "signCellMap" : "signMap"],
    [!cells, "fresh", "signFresh"],
    [!cells && isBack, "ring", "signRing"],
    [!cells && weights.some((w) => w > 0), "excite", "signExcite"],
    [!cells && weights.some((w) => w < 0), "inhibit", "signInhibit"],
    [!cells && elements.frozenWeights.size > 0, "frozen", "signFrozen"],
    [!cells && isCombined, "plain", "signPlain"],
    [!cells && network.sources.length > 0, "silent", "signSilent"],
    [isDead, cells ? "deadcell" : "dead", "signDead"],
    [info.loss !== null, "loss", "signLoss"],
    [run.hasFaults, "lost", "signLost"],
    [run.hasFaults, "died", "signCrash"],
    [scene.mapped, "ground", "signGround"],
    [scene.mapped && !cells, "gate", "signGate"],
  ];
  return all.filter(([here]) => here).map(([, ...sign]) => sign);
}

/** The heads of attention, to choose one. @param {import("./panel.js").PanelApp} app */
function describeHeads(app) {
  const { say } = app.scene;
  return el(
    "section",
    {},
    el("h3", {}, el("span", { class: "what", text: say("attention") })),
    el("p", { class: "note", text: say("aboutHeads") }),
    headChooser(app, null),
  );
}

/** What the symbols on the page mean. @param {import("./scene.js").Scene} scene */
function describeSymbols({ say, info }) {
  const some = ["a", "w", "z", ...(info.loss === null ? [] : ["u", "v"])];
  return el(
    "section",
    {},
    el("h3", {}, el("span", { class: "what", text: say("symbolsTitle") })),
    wordList([
      ...some.map((name) => /** @type {[string, string]} */ ([name, say(`symbol_${name}`)])),
      ...learnWords(info).map(([word, meaning]) =>
        /** @type {[string, string]} */ ([say(word), say(meaning)]),
      ),
    ]),
  );
}

/**
 * Describe the workers of the run.
 * @param {import("./words.js").Say} say
 * @param {import("./placement.js").Placement} placement
 * @param {import("./network.js").Network} network
 */
function describeWorkers(say, placement, network) {
  const text = say(
    "aboutWorkers",
    { replicas: count(placement.replicas), shards: count(placement.shards) },
  );
  const crossing = network.sources.length
    ? ` ${say("aboutCut", { crossing: count(placement.crossing), all: count(network.nSynapses) })}`
    : "";
  return el(
    "section",
    {},
    el("h3", {}, el("span", { class: "what", text: say("workers") })),
    el("p", { class: "note", text: text + crossing }),
    workerList(say, placement, MOST_WORKERS),
  );
}

/** The drawing of a sign of the stage. @param {string} sign */
function symbol(sign) {
  /** @type {Record<string, any[]>} */
  const drawings = {
    activation: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("circle", { class: "plusfill", cx: 26, cy: 14, r: 7 }),
      svg("path", { class: "plusline", d: "M40 10l5 4l-5 4" }),
    ],
    urgency: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("path", { class: "plusline", d: "M28 6L20 14L28 22" }),
    ],
    cell: [
      svg("rect", { class: "plusfill", x: 4, y: 4, width: 12, height: 20 }),
      svg("rect", { class: "minusfill", x: 18, y: 4, width: 12, height: 20 }),
      svg("rect", { class: "emptyfill", x: 32, y: 4, width: 12, height: 20 }),
    ],
    cells: [
      svg("rect", { class: "plusfill", x: 14, y: 0, width: 20, height: 9 }),
      svg("path", { class: "inkline", d: "M24 11v6M21 14l3 3l3-3" }),
      svg("rect", { class: "minusfill", x: 14, y: 19, width: 20, height: 9 }),
    ],
    deadcell: [
      svg("rect", { class: "emptyfill", x: 14, y: 4, width: 20, height: 20 }),
      svg("path", { class: "inkline", d: "M20 10l8 8M28 10l-8 8" }),
    ],
    loss: [svg("rect", { class: "lossbox", x: 6, y: 4, width: 36, height: 20, rx: 6 })],
    fill: [svg("circle", { class: "plusfill edge", cx: 24, cy: 14, r: 10 })],
    picture: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("circle", { class: "mutedfill", cx: 26, cy: 14, r: 6 }),
    ],
    fresh: [
      svg("circle", { class: "plusfill edge", cx: 24, cy: 14, r: 7 }),
      svg("circle", { class: "plusline", cx: 24, cy: 14, r: 11, opacity: 0.5 }),
    ],
    ring: [
      svg("circle", { class: "node", cx: 24, cy: 15, r: 7 }),
      svg("circle", { class: "plusline", cx: 24, cy: 15, r: 10.5 }),
      svg("path", { class: "plusfill", d: "M19 6h10l-5 -6z" }),
    ],
    excite: [
      svg("path", { class: "plusline", d: "M2 14H38" }),
      svg("path", { class: "plusfill", d: "M46 14l-10 -6v12z" }),
    ],
    inhibit: [
      svg("path", { class: "minusline dashed", d: "M2 14H42" }),
      svg("path", { class: "minusline", d: "M43 6V22" }),
    ],
    frozen: [
      svg("path", { class: "plusline dots", d: "M2 9H38" }),
      svg("path", { class: "plusfill", d: "M45 9l-9 -5v10z" }),
      svg("path", { class: "minusline dashdots", d: "M2 20H40" }),
      svg("path", { class: "minusline", d: "M43 15V25" }),
    ],
    plain: [
      svg("path", { class: "mutedline", d: "M2 14H40" }),
      svg("path", { class: "mutedfill", d: "M46 14l-8 -5v10z" }),
    ],
    combined: [
      svg("path", { class: "node", d: "M24 1l13 13l-13 13l-13 -13z" }),
      svg("path", { class: "inkline", d: "M20 10l8 8M28 10l-8 8" }),
    ],
    map: [
      svg("rect", { class: "plusfill", x: 12, y: 2, width: 12, height: 12 }),
      svg("rect", { class: "minusfill", x: 24, y: 2, width: 12, height: 12 }),
      svg("rect", { class: "emptyfill", x: 12, y: 14, width: 12, height: 12 }),
      svg("rect", { class: "plusfill", x: 24, y: 14, width: 12, height: 12 }),
      svg("rect", { class: "inkline", x: 24, y: 14, width: 12, height: 12 }),
    ],
    silent: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("circle", { class: "mutedfill", cx: 26, cy: 14, r: 2.5 }),
    ],
    lost: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("circle", { class: "plusfill", cx: 10, cy: 14, r: 6 }),
      svg("path", { class: "inkline", d: "M27 8l12 12M39 8l-12 12" }),
    ],
    died: [
      svg("circle", { class: "node dashed", cx: 24, cy: 14, r: 11 }),
      svg("path", { class: "inkline", d: "M24 6v16M19 11h10" }),
    ],
    ground: [
      svg("rect", { class: "w0fill", x: 2, y: 2, width: 22, height: 24 }),
      svg("rect", { class: "w1fill", x: 24, y: 2, width: 22, height: 24 }),
      svg("path", { class: "inkline dotted-cut", d: "M24 3V26" }),
    ],
    gate: [
      svg("path", { class: "synapse", d: "M2 14H46" }),
      svg("rect", { class: "gate", x: 20, y: 10, width: 8, height: 8 }),
    ],
    dead: [
      svg("circle", { class: "node dashed", cx: 24, cy: 14, r: 10 }),
      svg("path", { class: "inkline", d: "M20 10l8 8M28 10l-8 8" }),
    ],
  };
  return svg("svg", { class: "sign", viewBox: "0 0 48 28", "aria-hidden": "true" }, drawings[sign]);
}
