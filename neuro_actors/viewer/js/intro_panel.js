// The panel when nothing is chosen: how to read the page, keys, and what was left out of the log.

import { el, svg } from "./dom.js";
import { count } from "./numbers.js";
import { workerList } from "./workers.js";

const MOST_WORKERS = 16; // the most that are listed

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function introPanel(app) {
  const { say, run, placement } = app.scene;
  const signs = [
    [
      "activation",
      "signActivation",
    ], ["urgency", "signUrgency"], ["fill", "signFill"], ["ring", "signRing"],
    ["excite", "signExcite"], [
      "inhibit",
      "signInhibit",
    ], ["silent", "signSilent"], ["dead", "signDead"],
  ];
  if (run.hasFaults) signs.push(["lost", "signLost"], ["died", "signCrash"]);
  if (placement) signs.push(["ground", "signGround"], ["gate", "signGate"]);
  const keys = [
    ["Space", "keySpace"],
    ["← →", "keyArrows"],
    ["⇧ ← →", "keyShift"],
    ["↑ ↓", "keyPages"],
    ["Home End", "keyEnds"],
    ["N P", "keyNames"],
    ["W", "keyWhy"],
    ["Esc", "keyEscape"],
  ];
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
      signs.map(([sign, key]) => el("li", {}, symbol(sign), el("span", { text: say(key) }))),
    ),
    el("p", { class: "note", text: say("signColours") }),
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
 * Describe the workers of the run.
 * @param {import("./words.js").Say} say
 * @param {import("./placement.js").Placement} placement
 * @param {import("./data.js").Network} network
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
      svg("path", { class: "minusline", d: "M28 6L20 14L28 22" }),
    ],
    fill: [svg("circle", { class: "plusfill edge", cx: 24, cy: 14, r: 10 })],
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
