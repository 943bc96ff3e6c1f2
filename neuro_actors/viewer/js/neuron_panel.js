// The panel of a neuron: its formulas with the numbers of this step.

import { faultList } from "./fault_list.js";
import { functionChart, overSteps } from "./charts.js";
import { el, name } from "./dom.js";
import { neuronHistory } from "./histories.js";
import { learnSection } from "./learn_panel.js";
import { probability } from "./logits.js";
import { mapsSection } from "./map_panel.js";
import { swatch } from "./workers.js";
import { describePlace } from "./placement.js";
import { shown, signed } from "./numbers.js";
import { termTable } from "./terms.js";
import { exampleName } from "./examples.js";
import { term } from "./update.js";
import { combinesSection, sendsBackSection } from "./interneuron_panel.js";
import { urgencyTerms } from "./interneurons.js";
import { positionBehind } from "./position_panel.js";
import { result, section } from "./sections.js";
import { handedLabel, handsOnNote, repeatedNote, repeatsSection } from "./time_panel.js";
import { weightImages } from "./weight_images.js";
import { functionName } from "./words.js";

/** @param {import("./panel.js").PanelApp} app @param {number} k @returns {any[]} */
export function neuronPanel(app, k) {
  const { scene } = app;
  const { network, view, say, info, run } = scene;
  const isInput = network.isInput(k);
  const isDelay = network.elements.delayed.has(k);
  const isInterneuron = network.isInterneuron(k);
  const kind = [
    say(isDelay ? "delay" : isInput ? "input" : isInterneuron ? "interneuron" : "neuron"),
    network.outputOf.has(k) && !network.elements.handed.has(k) ? say("output") : null,
    isInput ? null : functionName(say, network.kindOf(k)),
    say("level", { n: network.level[k] }),
    network.isFrozen(run.biasPlace(k)) ? say("frozenBias") : null,
  ];
  const stuck = run.stuck(view, k);
  return [
    el("h2", {}, name(network.ids[k])),
    el("p", { class: "kind", text: kind.filter(Boolean).join(" · ") }),
    scene.placement
      ? el(
        "p",
        { class: "kind home" },
        swatch(scene.placement.worker(info, k)),
        describePlace(say, scene.placement, info, k),
      )
      : null,
    stuck
      ? el("p", { class: "warn", text: say(stuck === "dead" ? "isDead" : "isSaturated") })
      : null,
    view.odd.has(k) ? el("p", { class: "warn", text: say("isOdd") }) : null,
    mapsSection(app, k),
    isDelay
      ? repeatsSection(app, k)
      : isInput
      ? inputSection(app, k)
      : isInterneuron && network.sources.length
      ? combinesSection(app, k)
      : isInterneuron
      ? result("a", signed(view.a[k]))
      : [receivesSection(app, k), sendsSection(app, k)],
    repeatedNote(app, k),
    view.u[k] === view.u[k] ? urgencySection(app, k) : null,
    isDelay && view.u[k] === view.u[k] ? handsOnNote(app, k) : null,
    isInterneuron && view.u[k] === view.u[k] && !view.odd.has(k) && network.sources.length
      ? sendsBackSection(app, k)
      : null,
    isInput || isInterneuron || view.odd.has(k) || view.v[k] !== view.v[k]
      ? null
      : [passesOnSection(app, k), network.sources.length ? wantsSection(app, k) : null],
    !isInput && !isInterneuron && info.after !== info.before ? learnSection(app, k) : null,
    faultList(app, [...network.incoming(k), ...network.outgoing(k)], k),
    historySection(app, k),
  ].flat(2);
}

function inputSection(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { view, say, info } = app.scene;
  return [
    el("p", { class: "result" }, say("inputValue", { value: signed(view.a[k]) })),
    info.wrtInputs || info.mode === "predict"
      ? null
      : el("p", { class: "note", text: say("inputNoUrgency") }),
  ];
}

function receivesSection(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number} */ k,
) {
  const { network, view, say, waves, t } = app.scene;
  const later = t < waves.sends[k];
  if (!network.sources.length) {
    return section(
      say("receives"),
      say("receivesFormula"),
      later,
      say,
      el("p", { class: "note", text: say("tooMany", { n: network.nSynapses }) }),
      result("z", signed(view.z[k])),
    );
  }
  const terms = [...network.incoming(k)].map((s) => {
    const source = network.sources[s];
    const product = view.weights[s] * view.a[source];
    return {
      synapse: s,
      who: network.ids[source],
      size: Math.abs(product),
      bar: product,
      cells: [signed(view.weights[s]), `×\u2009${shown(view.a[source])}`, signed(product)],
    };
  });
  const foot = [
    {
      synapse: null,
      who: null,
      label: say("bias"),
      size: 0,
      cells: ["", "", signed(view.biases[k])],
    },
    { synapse: null, who: null, label: "z", size: 0, cells: ["", "", signed(view.z[k])] },
  ];
  const heads = [say("source"), say("weight"), say("activationIn"), say("product")];
  return section(
    say("receives"),
    say("receivesFormula"),
    later,
    say,
    weightImages(app, k),
    ...termTable({ terms, heads, foot, key: `receives ${k}`, app }),
  );
}

function sendsSection(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { network, view, say, waves, t, run } = app.scene;
  const later = t < waves.sends[k];
  const value = result("a", signed(view.a[k]));
  if (view.isMean) {
    const note = el("p", { class: "note", text: say("meanSends") });
    return section(say("sends"), say("meanOfA"), later, say, value, note);
  }
  if (view.odd.has(k)) return section(say("sends"), "a", later, say, value);
  const f = network.activations[k] ?? "";
  const samples = run.functions[f];
  const text = f === "identity"
    ? `a = z = ${signed(view.a[k])}`
    : `a = ${f}(${shown(view.z[k])}) = ${signed(view.a[k])}`;
  const formula = samples?.formula
    ? samples.formula.replace("f(z)", "a = f(z)")
    : say("sendsFormula");
  return section(say("sends"), formula, later, say,
    el("p", { class: "result", text }),
    samples
      ? functionChart(
        samples, view.z[k], view.a[k], view.slope[k], `${functionName(say, f)}, ${text}`,
      )
      : el("p", { class: "note", text: say("noCurve") }),
    view.slope[k] === view.slope[k]
      ? el("p", { class: "slope", text: say("slopeHere", { slope: shown(view.slope[k]) }) })
      : null,
    ...asProbability(app, k),
  );
}

function asProbability(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { view, say, run, info } = app.scene;
  const p = probability(run, view, info, k);
  if (p !== p) return [];
  const formula = info.loss === "sigmoid_cross_entropy" ? "s = 1 / (1 + e^−a)" : "q = e^a / Σ e^a";
  return [
    el("p", { class: "note", text: say("isLogit") }),
    el("p", { class: "result", text: `${formula} = ${shown(p)}` }),
  ];
}

function urgencySection(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { network, view, say, waves, t, run } = app.scene;
  const isOdd = [...network.outgoing(k)].some((s) => view.odd.has(network.targets[s]));
  if (isOdd || network.nSynapses > network.sources.length) {
    return section(
      say("itsUrgency"),
      isOdd ? "u" : say("itsUrgencyFormula"),
      !waves.isUrged(k, t),
      say,
      result("u", signed(view.u[k])),
      isOdd ? el("p", { class: "note", text: say("oddFollower") }) : null,
    );
  }
  const row = network.outputOf.get(k);
  const terms = urgencyTerms(run, view, k, view.at(k)).map((one) => ({
    synapse: one.synapse,
    who: network.ids[one.target],
    more: network.isInterneuron(one.target) && one.position >= 0
      ? positionBehind(app.scene, one.target, one.position)
      : "",
    go: one.position >= 0 ? { k: one.target, position: one.position } : undefined,
    size: Math.abs(one.part),
    bar: one.part,
    cells: one.factor === one.factor || !network.isInterneuron(one.target)
      ? [signed(one.factor), `×\u2009${shown(one.of)}`, signed(one.part)]
      : ["", "", signed(one.part)],
  }));
  /** @type {import("./terms.js").Term[]} */
  const all = terms;
  if (row !== undefined)
    all.push({
      synapse: null,
      who: null,
      label: network.elements.handed.has(k) ? handedLabel(app, k) : say("fromLoss"),
      size: Math.abs(view.blame[row]),
      bar: view.blame[row],
      cells: ["", "", signed(view.blame[row])],
    });
  const foot = [
    { synapse: null, who: null, label: "u", size: 0, cells: ["", "", signed(view.u[k])] },
  ];
  const mixed = [...network.outgoing(k)].some((s) => network.isInterneuron(network.targets[s]));
  const heads = [
    say("follower"),
    say(mixed ? "factor" : "weight"),
    say(mixed ? "ofFactor" : "itsV"),
    say("urgencyIn"),
  ];
  const answer = el(
    "button",
    {
      type: "button",
      class: "why",
      "data-focus": "why",
      "aria-pressed": String(app.scene.state.why),
      onclick: () => app.toggleWhy(),
      text: say("why"),
    },
  );
  return section(
    say("itsUrgency"),
    say("itsUrgencyFormula"),
    !waves.isUrged(k, t),
    say,
    ...termTable({ terms: all, heads, foot, key: `urged ${k}`, app }),
    answer,
    ...app.whyAnswer(),
  );
}

function passesOnSection(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number} */ k,
) {
  const { view, say, waves, t } = app.scene;
  const numbers = `${shown(view.u[k])} × ${term(view.slope[k])}`;
  const value = signed(view.v[k]);
  return section(
    say("passesOn"),
    view.isMean ? say("meanOfV") : say("passesOnFormula"),
    !waves.isUrged(k, t),
    say,
    result("v", view.isMean ? value : `${numbers} = ${value}`),
    view.isMean ? el("p", { class: "note", text: say("meanPasses") }) : null,
  );
}

function wantsSection(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { network, view, say, waves, t, run } = app.scene;
  const terms = [...network.incoming(k)].map((s) => {
    const want = run.want(view, s);
    const back = waves.urged[network.sources[s]] >= 0 ? signed(run.urgency(view, s)) : "–";
    return {
      synapse: s,
      who: network.ids[network.sources[s]],
      size: Math.abs(want),
      bar: want,
      cells: [signed(want), back],
    };
  });
  const many = network.positions(k) > 1;
  const cells = [signed(many ? run.want(view, run.biasPlace(k)) : view.v[k]), ""];
  const foot = [{ synapse: null, who: null, label: say("bias"), size: 0, cells }];
  const ofWeights = many
    ? view.isMean ? "meanWantPositions" : "wantsOfPositions"
    : view.isMean ? "meanWant" : "wantsOf";
  const formula = many
    ? view.isMean ? "meanWantsFormulaPositions" : "wantsFormulaPositions"
    : view.isMean ? "meanWantsFormula" : "wantsFormula";
  const heads = [say("source"), say(ofWeights), say("sendsBack")];
  return section(
    say("wants"),
    say(formula),
    !waves.isUrged(k, t),
    say,
    ...termTable({ terms, heads, foot, key: `wants ${k}`, app }),
    many
      ? el("p", { class: "note", text: say("sharedWeight", { n: network.positions(k) }) })
      : null,
  );
}

function historySection(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { run, state, say } = app.scene;
  if (run.steps.length < 2) return null;
  const example = run.ofCurves(state);
  const points = neuronHistory(run, k, example, state.positions);
  const title = say("overStepsOf", { what: exampleName(run, say, example) });
  const numbers = points.map((/** @type {any} */ point) => point.number);
  const part = (/** @type {string} */ kind) => [
    el("h4", { text: say(kind) }),
    overSteps(
      [{ kind, values: points.map((/** @type {any} */ point) => point[kind]) }],
      state.step,
      `${say(kind)}, ${title}`,
      numbers,
    ),
  ];
  const hasUrgency = points.some((/** @type {any} */ point) => point.urgency === point.urgency);
  return el(
    "section",
    {},
    el("h3", {}, el("span", { class: "what", text: title })),
    part("activation"),
    hasUrgency ? part("urgency") : null,
  );
}
