// What stands beside the society when a synapse, the loss or nobody is chosen; and the answer to "why?".

import { overSteps } from "./charts.js";
import { letters } from "./befell.js";
import { el, name, sentence, svg } from "./dom.js";
import { hostList } from "./hosts.js";
import { count, shown, signed } from "./numbers.js";

const MOST_HOSTS = 16; // that are listed

/** @param {import("./panel.js").PanelApp} app @param {number} s @returns {any[]} */
export function synapsePanel(app, s) {
  const { network, view, say, run, state, info, waves, machines } = app.scene;
  const [source, target] = [network.sources[s], network.targets[s]];
  const kind = view.weights[s] > 0 ? "excitatory" : view.weights[s] < 0 ? "inhibitory" : "silentWeight";
  const link = (/** @type {number} */ k) => el("button", { class: "link", type: "button", "data-focus": `n ${k}`, onclick: () => app.choose({ kind: "neuron", k }) }, name(network.ids[k]));
  const sent = waves.urged[source] >= 0;
  const facts = [
    [say("weight"), signed(view.weights[s])],
    [say("forwardMessage"), signed(view.a[source])],
    [say("product"), signed(view.weights[s] * view.a[source])],
  ];
  if (machines) {
    const [from, to] = [machines.worker(info, source), machines.worker(info, target)];
    facts.push(from === to ? [say("travels"), say("within", { worker: from })] : [say("travels"), say("fromTo", { from, to })]);
  }
  if (info.loss !== null) {
    facts.push([say("backwardMessage"), sent ? signed(run.urgency(view, s)) : say("notSent")], [say("weightUrgency"), signed(run.want(view, s))]);
    if (info.mode === "train") facts.push([say("becomes"), signed(view.after.weights[s])], [say("changes"), signed(view.after.weights[s] - view.weights[s])]);
  }
  const points = run.history(s, state.example);
  const numbers = points.map((/** @type {any} */ point) => point.number);
  const chart = (/** @type {string} */ key, /** @type {string} */ label) => [
    el("h4", { text: label }),
    overSteps([{ kind: key, values: points.map((/** @type {any} */ point) => point[key]) }], state.step, `${label}, ${say("overSteps")}`, numbers),
  ];
  return [
    el("h2", {}, link(source), " → ", link(target)),
    el("p", { class: "kind", text: `${say("synapse")} · ${say(kind)}` }),
    el("dl", { class: "facts" }, facts.map(([what, value]) => el("div", {}, el("dt", { text: what }), el("dd", { text: value })))),
    letters(app, [s]),
    points.length > 1
      ? el("section", {}, el("h3", {}, el("span", { class: "what", text: say("overSteps") })), chart("weight", say("weight")), chart("activation", say("forwardMessage")), sent ? chart("urgency", say("backwardMessage")) : null)
      : null,
  ];
}

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function lossPanel(app) {
  const { network, view, say, run, info } = app.scene;
  if (info.loss === null) return [el("h2", { text: say("lossSays") }), el("p", { class: "note", text: say("lossNone") })];
  const formula = (run.raw.losses[info.loss] ?? "").replace(/-/g, "−");
  const rows = network.outputs.map((k, row) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("button", { class: "link", type: "button", "data-focus": `n ${k}`, onclick: () => app.choose({ kind: "neuron", k }) }, name(network.ids[k]))),
      [view.a[k], view.targets[row], view.blame[row]].map((value) => el("td", { class: "n", text: signed(value) })),
    ),
  );
  const heads = [say("output"), say("said"), say("wanted"), say("told")];
  const { steps, losses } = run.curve;
  const near = steps.reduce((/** @type {number} */ best, /** @type {number} */ n, /** @type {number} */ k) => (Math.abs(n - info.number) < Math.abs(steps[best] - info.number) ? k : best), 0);
  return [
    el("h2", { text: say("lossSays") }),
    el("p", { class: "kind", text: [info.loss, formula].filter(Boolean).join(" = ") }),
    el("p", { class: "result", text: `${say(view.isMean ? "lossMean" : "lossOf", { name: say("loss") })}: ${shown(view.loss)}` }),
    info.optimizer ? el("p", { class: "note", text: say("learnsBy", { optimizer: info.optimizer }) }) : null,
    el("div", { class: "wide" }, el("table", { class: "terms" }, el("thead", {}, el("tr", {}, heads.map((head, k) => el("th", { scope: "col", class: k ? "n" : null, text: head })))), el("tbody", {}, rows))),
    steps.length > 1 ? el("section", {}, el("h3", {}, el("span", { class: "what", text: say("overSteps") })), overSteps([{ kind: "lossline", values: losses }], near, `${say("loss")}, ${say("overSteps")}`, steps)) : null,
  ];
}

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function introPanel(app) {
  const { say, run, machines } = app.scene;
  const signs = [
    ["activation", "signActivation"], ["urgency", "signUrgency"], ["fill", "signFill"], ["ring", "signRing"],
    ["excite", "signExcite"], ["inhibit", "signInhibit"], ["silent", "signSilent"], ["dead", "signDead"],
  ];
  if (run.stormy) signs.push(["lost", "signLost"], ["died", "signDied"]);
  if (machines) signs.push(["ground", "signGround"], ["gate", "signGate"]);
  const keys = [["Space", "keySpace"], ["← →", "keyArrows"], ["⇧ ← →", "keyShift"], ["↑ ↓", "keyPages"], ["Home End", "keyEnds"], ["N P", "keyNames"], ["W", "keyWhy"], ["Esc", "keyEscape"]];
  if (machines) keys.splice(-1, 0, ["M", "keyWorkers"]);
  const { notes } = run;
  const left = [];
  if (!notes.complete) left.push(say("incomplete"));
  if (notes.partial) left.push(say("partial"));
  if (notes.keptSteps < notes.steps) left.push(say("thinnedSteps", { kept: count(notes.keptSteps), all: count(notes.steps) }));
  if (notes.keptExamples < notes.batch) left.push(say(notes.keptExamples === 1 ? "thinnedExample" : "thinnedExamples", { kept: count(notes.keptExamples), all: count(notes.batch) }));
  if (notes.digits < 16) left.push(say("thinnedDigits"));
  if (!notes.synapses) left.push(say("thinnedSynapses", { all: count(run.network.nSynapses) }));
  if (!left.length) left.push(say("nothingLeftOut"));
  return [
    el("h2", { text: say("howTo") }),
    el("p", { class: "invite", text: say("invite") }),
    el("ul", { class: "signs" }, signs.map(([sign, key]) => el("li", {}, symbol(sign), el("span", { text: say(key) })))),
    el("p", { class: "note", text: say("signColours") }),
    machines ? where(say, machines, run.network) : null,
    el("section", {}, el("h3", {}, el("span", { class: "what", text: say("keysTitle") })), el("dl", { class: "keys" }, keys.map(([key, what]) => el("div", {}, el("dt", {}, key.split(" ").map((one) => el("kbd", { text: one }))), el("dd", { text: say(what) }))))),
    el("section", { class: "log" }, el("h3", {}, el("span", { class: "what", text: say("aboutLog") })), left.map((text) => el("p", { class: "note", text })), el("p", { class: "note", text: Object.entries(notes.versions).map(([what, v]) => `${what} ${v}`).join(" · ") })),
  ];
}

/** On what machines it ran. @param {import("./words.js").Say} say @param {import("./machines.js").Machines} machines @param {import("./data.js").Network} network */
function where(say, machines, network) {
  const told = say("aboutMachines", { replicas: count(machines.replicas), shards: count(machines.shards) });
  const crossing = network.sources.length ? ` ${say("aboutCut", { crossing: count(machines.crossing), all: count(network.nSynapses) })}` : "";
  return el("section", {}, el("h3", {}, el("span", { class: "what", text: say("workers") })), el("p", { class: "note", text: told + crossing }), hostList(say, machines, MOST_HOSTS));
}

/** The signs of the stage, one by one. @param {string} sign */
function symbol(sign) {
  /** @type {Record<string, any[]>} */
  const drawings = {
    activation: [svg("path", { class: "wire", d: "M2 14H46" }), svg("circle", { class: "plusfill", cx: 26, cy: 14, r: 7 }), svg("path", { class: "plusline", d: "M40 10l5 4l-5 4" })],
    urgency: [svg("path", { class: "wire", d: "M2 14H46" }), svg("path", { class: "minusline", d: "M28 6L20 14L28 22" })],
    fill: [svg("circle", { class: "plusfill edge", cx: 24, cy: 14, r: 10 })],
    ring: [svg("circle", { class: "node", cx: 24, cy: 15, r: 7 }), svg("circle", { class: "plusline", cx: 24, cy: 15, r: 10.5 }), svg("path", { class: "plusfill", d: "M19 6h10l-5 -6z" })],
    excite: [svg("path", { class: "plusline", d: "M2 14H38" }), svg("path", { class: "plusfill", d: "M46 14l-10 -6v12z" })],
    inhibit: [svg("path", { class: "minusline dashed", d: "M2 14H42" }), svg("path", { class: "minusline", d: "M43 6V22" })],
    silent: [svg("path", { class: "wire", d: "M2 14H46" }), svg("circle", { class: "mutedfill", cx: 26, cy: 14, r: 2.5 })],
    lost: [svg("path", { class: "wire", d: "M2 14H46" }), svg("circle", { class: "plusfill", cx: 10, cy: 14, r: 6 }), svg("path", { class: "inkline", d: "M27 8l12 12M39 8l-12 12" })],
    died: [svg("circle", { class: "node dashed", cx: 24, cy: 14, r: 11 }), svg("path", { class: "inkline", d: "M24 6v16M19 11h10" })],
    ground: [svg("rect", { class: "w0fill", x: 2, y: 2, width: 22, height: 24 }), svg("rect", { class: "w1fill", x: 24, y: 2, width: 22, height: 24 }), svg("path", { class: "inkline dotted-cut", d: "M24 3V26" })],
    gate: [svg("path", { class: "wire", d: "M2 14H46" }), svg("rect", { class: "gate", x: 20, y: 10, width: 8, height: 8 })],
    dead: [svg("circle", { class: "node dashed", cx: 24, cy: 14, r: 10 }), svg("path", { class: "inkline", d: "M20 10l8 8M28 10l-8 8" })],
  };
  return svg("svg", { class: "sign", viewBox: "0 0 48 28", "aria-hidden": "true" }, drawings[sign]);
}

/** The way of an urgency from the loss, step by step. @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function whyAnswer(app) {
  const { network, view, say, run, state, reason } = app.scene;
  if (!state.why) return [];
  if (!reason) return [el("p", { class: "note", text: say("whyNone") })];
  const blank = (/** @type {string} */ key) => say(key, Object.fromEntries(["name", "said", "target", "urgency", "u", "slope", "v", "w", "source", "n"].map((word) => [word, `{${word}}`])));
  const who = (/** @type {number} */ k) => name(network.ids[k]);
  const first = reason.neurons[0];
  const row = /** @type {number} */ (network.outputOf.get(first));
  const lines = [el("li", {}, sentence(blank("whyLoss"), { name: who(first), said: signed(view.a[first]), target: signed(view.targets[row]), urgency: signed(view.blame[row]) }))];
  reason.synapses.forEach((s, step) => {
    const target = reason.neurons[step];
    const parts = { name: who(target), u: signed(view.u[target]), slope: shown(view.slope[target]), v: signed(view.v[target]), w: signed(view.weights[s]), source: who(reason.neurons[step + 1]), urgency: signed(run.urgency(view, s)) };
    const line = el("li", { "data-synapse": s }, sentence(blank(view.isMean ? "whyMean" : "whyTells"), parts));
    line.addEventListener("pointerenter", () => app.hover({ kind: "synapse", k: s }));
    line.addEventListener("pointerleave", () => app.hover(null));
    lines.push(line);
  });
  const last = reason.neurons[reason.neurons.length - 1];
  const followers = network.outgoing(last).length;
  const both = network.outputOf.has(last);
  const heard = followers + (both ? 1 : 0);
  const from = both && followers ? say("theLossAnd", { n: followers }) : say("followers", { n: followers });
  lines.push(el("li", {}, sentence(blank(heard > 1 ? "whySum" : "whyOne"), { name: who(last), u: signed(view.u[last]), n: from })));
  return [el("div", { class: "reason" }, el("h4", { text: say("whyTitle") }), el("ol", {}, lines))];
}
