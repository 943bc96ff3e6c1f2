// The part of the panel that says how a parameter learns in a step: from which urgency, by which
// sums of the optimizer, and what it becomes.

import { el } from "./dom.js";
import { exampleName } from "./examples.js";
import { learnWords, wordList } from "./learn_words.js";
import { shown, signed } from "./numbers.js";
import { positionsTable } from "./position_panel.js";
import { termTable } from "./terms.js";
import { ticksTable } from "./time_panel.js";
import { term, update, written } from "./update.js";

const MOST_LISTED = 8; // of a batch with at most so many examples, what each of them wants

/**
 * The change of a parameter, as the optimizer's sums give it; NaN where the log does not tell
 * enough, or contains another one.
 * @param {import("./scene.js").Scene} scene
 * @param {number} place among the parameters
 */
export function changeOf({ run, view, info }, place) {
  const parts = run.learned(view, info, place);
  const found = info.update
    ? update(info.update, parts)
    : { equations: [], change: NaN, size: NaN };
  const { parameter, after, want, state } = parts;
  const recorded = after - parameter;
  const one = run.item === 8 ? 2 ** -44 : 2 ** -20; // of rounding
  const most = one * (found.size + Math.abs(parameter) + Math.abs(after));
  const reason = !info.update
    ? "ownOptimizer"
    : want !== want
    ? "wantMissing"
    : state.some((value) => value !== value)
    ? run.raw.replayed ? "stateMissing" : "stateLeftOut"
    : Math.abs(found.change - recorded) <= most
    ? ""
    : "changeDiffers";
  return { ...found, parts, recorded, reason };
}

/**
 * The formula by which a step's optimizer changes a weight.
 * @param {any} settings
 * @param {import("./words.js").Say} say
 */
function updateFormula(settings, say) {
  if (!settings) return "";
  const g = settings.weight_decay ? "(g − λ·w)" : "g";
  if (settings.name === "Adam") return say("formulaAdam");
  return settings.momentum ? say("formulaMomentum", { g }) : say("formulaSGD", { g });
}

/**
 * How one parameter learned, equation by equation.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} place among the parameters
 * @param {string} symbol "w" or "b"
 * @returns {any[]}
 */
export function learningOf(app, place, symbol) {
  const { run, say, info, view } = app.scene;
  if (run.network.isFrozen(place)) return frozenLines(app, place, symbol);
  const { equations, parts, change, reason } = changeOf(app.scene, place);
  const table = ticksTable(app, place) ?? wantsTable(app, place);
  const lines = reason
    ? []
    : equations.map((one) => equationLine(say(one.key, { w: symbol }), written(one)));
  const k = place - run.network.sources.length;
  const target = k < 0 ? run.network.targets[place] : k;
  const ofExample = run.network.positions(target) > 1 ? "thisWantsPositions" : "thisWants";
  if (!table && info.learnedFrom > 1)
    lines.unshift(equationLine(say("meanOf", { n: info.learnedFrom }), signed(parts.want)));
  if (!table && info.batch > 1 && !view.isMean)
    lines.unshift(equationLine(say(ofExample), signed(run.wantOf(view, place))));
  const { parameter, after } = parts;
  const isKnown = reason !== "wantMissing" || parameter !== after;
  const last = reason
    ? `${shown(parameter)} → ${signed(after)}`
    : `${shown(parameter)} + ${term(change)} = ${signed(after)}`;
  return [
    table,
    reason ? el("p", { class: "note", text: say(reason, { optimizer: info.optimizer }) }) : null,
    el(
      "dl",
      { class: "update" },
      lines,
      isKnown ? equationLine(say("newParameter", { w: symbol }), last) : null,
    ),
    info.update?.schedule && !reason
      ? el("p", {
        class: "note",
        text: say("rateOfSchedule", {
          n: info.update.count,
          rate: shown(info.update.rate),
          schedule: info.update.schedule,
        }),
      })
      : null,
  ];
}

/** A frozen parameter has an urgency, but no change. */
function frozenLines(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number} */ place,
  /** @type {string} */ symbol,
) {
  const { run, view, info, say } = app.scene;
  const { want, after } = run.learned(view, info, place);
  return [
    el("p", { class: "note", text: say("frozenNote") }),
    el(
      "dl",
      { class: "update" },
      equationLine(say("term_g"), signed(want)),
      equationLine(symbol, signed(after)),
    ),
  ];
}

/** What each example of the batch wants, and the mean; null if they are many. */
function wantsTable(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ place) {
  const { run, say, info, state, view } = app.scene;
  const { batch, examples, learnedFrom } = info;
  if (batch === 1 || learnedFrom !== batch || examples < batch || batch > MOST_LISTED) return null;
  const { want } = run.learned(view, info, place);
  const all = run.wantsByExample(state.step, place);
  all.sort((/** @type {any} */ a, /** @type {any} */ b) => a.example - b.example);
  const terms = all.map((/** @type {any} */ one) => ({
    synapse: null,
    who: null,
    label: exampleName(run, say, one.example),
    size: Math.abs(one.want),
    bar: one.want,
    cells: [signed(one.want)],
    now: one.example === view.example,
  }));
  const label = say("meanOf", { n: info.batch });
  const foot = [{ synapse: null, who: null, label, size: 0, cells: [signed(want)] }];
  const isWeight = place < run.network.sources.length;
  const target = isWeight ? run.network.targets[place] : place - run.network.sources.length;
  const many = run.network.positions(target) > 1;
  const ofWeight = many ? "wantsOfPositions" : "wantsOf";
  const heads = [say("example"), say(isWeight ? ofWeight : "wantsOfBias")];
  return el("div", {}, termTable({ terms, heads, foot, key: `batch ${place}`, app }));
}

/** @param {string} what @param {string} equation */
function equationLine(what, equation) {
  return el("div", {}, el("dt", { text: what }), el("dd", { class: "equation", text: equation }));
}

/**
 * What a neuron's parameters become in a step that learns.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function learnSection(app, k) {
  const { network, say, run, info, state } = app.scene;
  const several = info.learnedFrom > 1 || (info.tick?.[1] ?? 1) > 1;
  const cells = (/** @type {number} */ place) => {
    const { parts, recorded, reason, change } = changeOf(app.scene, place);
    const by = run.network.isFrozen(place) ? say("frozen") : signed(reason ? recorded : change);
    return {
      size: Math.abs(recorded),
      bar: recorded,
      cells: [...(several ? [signed(parts.want)] : []), by, signed(parts.after)],
    };
  };
  const terms = [...network.incoming(k)].map((s) => (
    { synapse: s, who: network.ids[network.sources[s]], ...cells(s) }
  ));
  const { bar: _, ...ofBias } = cells(run.biasPlace(k));
  const foot = [{ synapse: null, who: null, label: say("bias"), ...ofBias }];
  const heads = [
    say("source"),
    ...(several ? ["g"] : []),
    say("change"),
    say("newWeight"),
  ];
  return sectionOnLearning(
    app,
    ...termTable({ terms, heads, foot, key: `learns ${k}`, app }),
    el(
      "button",
      {
        class: "quiet",
        type: "button",
        "data-focus": `bias ${k}`,
        "aria-expanded": String(state.all.has(`bias ${k}`)),
        onclick: () => app.toggleAll(`bias ${k}`),
        text: say("howBias"),
      },
    ),
    state.all.has(`bias ${k}`)
      ? [positionsTable(app, run.biasPlace(k)), learningOf(app, run.biasPlace(k), "b")]
      : null,
    network.sources.length ? el("p", { class: "note", text: say("howWeights") }) : null,
  );
}

/** A button that shows what the words of the formula mean, and the meanings. */
function wordsOnDemand(/** @type {import("./panel.js").PanelApp} */ app) {
  const { say, info, state } = app.scene;
  const words = learnWords(info);
  if (!words.length) return [];
  const open = state.all.has("words");
  const button = el(
    "button",
    {
      class: "quiet",
      type: "button",
      "data-focus": "words",
      "aria-expanded": String(open),
      onclick: () => app.toggleAll("words"),
      text: say("learnWords"),
    },
  );
  const said = words.map(([word, meaning]) =>
    /** @type {[string, string]} */ ([say(word), say(meaning)]),
  );
  return [button, open ? wordList(said) : null];
}

/**
 * The section on learning: by which formula, from how many examples, and what belongs to it.
 * @param {import("./panel.js").PanelApp} app
 * @param {...any} content
 */
export function sectionOnLearning(app, ...content) {
  const { say, info, waves, t } = app.scene;
  const from = info.learnedFrom === info.batch ? "learnsFromMean" : "learnsFromBatch";
  const [, ticks] = info.tick ?? [0, 0];
  return el(
    "section",
    { class: t < waves.learn ? "learns later" : "learns" },
    el(
      "h3",
      {},
      el("span", { class: "what", text: say("learns") }),
      el("span", { class: "formula", text: updateFormula(info.update, say) }),
    ),
    t < waves.learn ? el("p", { class: "tag", text: say("later") }) : null,
    info.learnedFrom > 1
      ? el("p", { class: "note", text: say(from, { n: info.learnedFrom }) })
      : null,
    ticks > 1 ? el("p", { class: "note", text: say("learnsFromTicks", { n: ticks }) }) : null,
    ...content,
    ...wordsOnDemand(app),
  );
}
