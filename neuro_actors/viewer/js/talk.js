// The presentation: for each moment of a step what happens, why, and so what, with its numbers.

import { plain } from "./labels.js";
import { probability } from "./logits.js";
import { count, shown, signed } from "./numbers.js";
import { term } from "./update.js";
import { TALK_WORDS } from "./talk_words.js";
import { spaced } from "./words.js";

const MOST_INPUTS = 4; // inputs that are named one by one
const MOST_FOLLOWERS = 4; // followers whose urgencies are named one by one

/**
 * @typedef {{t: number, chosen: import("./focus.js").Thing | null, lines: string[]}} Moment three
 *   lines: what happens, why, so what
 */

/**
 * The thing with the greatest number.
 * @template T
 * @param {T[]} things
 * @param {(thing: T) => number} value
 * @returns {T | undefined}
 */
function mostly(things, value) {
  return things
    .filter((thing) => value(thing) === value(thing))
    .reduce(
      (/** @type {T | undefined} */ best, thing) =>
        (best === undefined || Math.abs(value(thing)) > Math.abs(value(best)) ? thing : best),
      undefined,
    );
}

/**
 * The moments of a step.
 * @param {import("./data.js").Run} run
 * @param {import("./waves.js").Waves} waves
 * @param {{step: number, example: number, language: string, positions?: number[]}} state
 * @returns {Moment[]}
 */
export function talk(run, waves, { step, example, language, positions }) {
  const { network } = run;
  const view = run.view(step, example, positions);
  const info = run.steps[step];
  const words = TALK_WORDS[language] ?? TALK_WORDS.en;
  const tell = (/** @type {string} */ key, /** @type {Record<string, any>} */ values = {}) =>
    spaced(language, words[key]).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  const name = (/** @type {number} */ k) => plain(network.ids[k]);
  const neuron = (/** @type {number} */ k) =>
    /** @type {import("./focus.js").Thing} */ ({ kind: "neuron", k });
  const synapse = (/** @type {number} */ k) =>
    /** @type {import("./focus.js").Thing} */ ({ kind: "synapse", k });
  const functionName = (/** @type {string | null} */ f) => words[`function_${f}`] ?? f;
  const hasLoss = waves.fromLoss >= 0;
  const own = [...network.outputs.keys()].filter((k) =>
    !network.elements.handed.has(network.outputs[k]),
  );
  const row = mostly(own, (k) => view.blame[k]) ?? 0;
  const output = network.outputs[row];
  return [
    inputs(),
    ...network.levels.map((_, level) => level).slice(1).map(fires),
    hasLoss ? lossReceives() : predicts(),
    hasLoss ? blames() : null,
    ...(hasLoss ? levelsBack().map(comesBack) : []),
    waves.learn >= 0 ? learns() : null,
    ends(),
  ].filter((moment) => moment !== null);

  function inputs() {
    const all = network.inputs;
    const numbers = all.reduce((sum, k) => sum + network.positions(k), 0);
    const values = all.map((k) => `${name(k)} = ${shown(view.a[k])}`).join(", ");
    const what = numbers > all.length
      ? tell("inputsPositions", { n: count(numbers) })
      : all.length <= MOST_INPUTS
      ? tell("inputsFew", { values })
      : tell(run.picture ? "inputsPicture" : "inputsMany", { n: count(all.length) });
    const target = network.outputs.length === 1 && hasLoss
      ? tell("inputsWhy", { target: shown(view.targets[0]) })
      : tell("inputsWhyOpen");
    const why = view.isMean ? tell("inputsWhyMean", { n: count(info.batch) }) : target;
    return { t: 0.5, chosen: null, lines: [what, why, tell("inputsSo")] };
  }

  function logit(/** @type {number} */ k) {
    const p = probability(run, view, info, k);
    return p === p ? "Logit" : "";
  }

  function fires(/** @type {number} */ level) {
    const some = network.levels[level].filter((k) => !view.odd.has(k));
    const k = some.includes(output) ? output : mostly(some, (one) => view.a[one]);
    if (k === undefined) return null;
    const numbers = {
      name: name(k), f: functionName(network.kindOf(k)),
      z: signed(view.z[k]), a: signed(view.a[k]), p: shown(probability(run, view, info, k)),
    };
    const mean = network.isInterneuron(k) ? "Combined" : view.isMean ? "Mean" : "";
    return {
      t: waves.sends[k] - 0.5,
      chosen: neuron(k),
      lines: [
        tell(`fireWhat${mean}`, numbers),
        tell(`fireWhy${mean}`, numbers),
        tell(network.outputOf.has(k) ? `outputSo${logit(k)}` : "fireSo", numbers),
      ],
    };
  }

  function lossReceives() {
    const numbers = {
      name: name(output), a: shown(view.a[output]), target: shown(view.targets[row]),
      loss: shown(view.loss), p: shown(probability(run, view, info, output)),
    };
    const keys = [`lossWhat${logit(output)}`, "lossWhy", "lossSo"];
    const lines = keys.map((key) => tell(key, numbers));
    return {
      t: waves.toLoss + 0.5,
      chosen: /** @type {import("./focus.js").Thing} */ ({ kind: "loss" }),
      lines,
    };
  }

  function predicts() {
    const numbers = { name: name(output), a: shown(view.a[output]) };
    const lines = ["predictWhat", "predictWhy", "predictSo"].map((key) => tell(key, numbers));
    return { t: waves.toLoss + 0.5, chosen: neuron(output), lines };
  }

  function blames() {
    const u = view.blame[row];
    const numbers = { name: name(output), u: signed(u), size: shown(Math.abs(u)) };
    const [why, so] = u > 0
      ? ["blameWhyUp", "shouldRise"]
      : u < 0
      ? ["blameWhyDown", "shouldFall"]
      : ["blameWhyNone", "shouldStay"];
    return {
      t: waves.fromLoss + 0.5,
      chosen: neuron(output),
      lines: [tell("blameWhat", numbers), tell(why, numbers), tell(so, numbers)],
    };
  }

  /** The neurons that receive urgencies of followers, by the wave; the most listened to of each. */
  function levelsBack() {
    const known = (/** @type {number} */ k) => {
      const all = [...network.outgoing(k)];
      return all.length > 0 && all.every((s) => run.urgency(view, s) === run.urgency(view, s));
    };
    const received = [...network.ids.keys()].filter((k) =>
      waves.urged[k] > waves.fromLoss && known(k),
    );
    return [...new Set(received.map((k) => waves.urged[k]))].sort((one, two) => one - two)
      .map((wave) => {
        const some = received.filter((k) => waves.urged[k] === wave);
        const several = some.filter((k) => network.outgoing(k).length > 1);
        return mostly(several.length ? several : some, (k) => view.u[k]) ?? some[0];
      });
  }

  function comesBack(/** @type {number} */ to) {
    const synapses = [...network.outgoing(to)];
    const s = mostly(synapses, (one) => run.urgency(view, one)) ?? synapses[0];
    const from = network.targets[s];
    const parts = synapses.map((one) => ({
      name: name(network.targets[one]), u: run.urgency(view, one),
    }));
    const ofLoss = network.outputOf.get(to);
    if (ofLoss !== undefined) parts.push({ name: words.theLoss, u: view.blame[ofLoss] });
    const isWhole = network.nSynapses <= network.sources.length;
    const isOne = isWhole && parts.length === 1;
    const list = parts.map((part) => tell("fromOne", { from: part.name, u: signed(part.u) }));
    const urgency = isOne ? run.urgency(view, s) : view.u[to];
    const numbers = {
      from: name(from), to: name(to), w: shown(view.weights[s]), v: term(view.v[from]),
      u: shown(view.u[from]), slope: term(view.slope[from]),
      signed: signed(view.v[from]), urgency: signed(run.urgency(view, s)),
      list: `${list.slice(0, -1).join(", ")} ${words.and} ${list[list.length - 1]}`,
      sum: signed(view.u[to]), f: functionName(network.kindOf(from)),
    };
    const combined = network.isInterneuron(from) ? "Combined" : "";
    const what = isOne
      ? `backWhat${combined}`
      : isWhole && parts.length <= MOST_FOLLOWERS ? "backWhatSum" : "backWhatMany";
    const why = combined
      ? "backWhyCombined"
      : `backWhy${isOne ? "" : "Sum"}${view.isMean ? "Mean" : ""}`;
    const so = urgency > 0 ? "Rise" : urgency < 0 ? "Fall" : "Stay";
    return {
      t: waves.urged[to] + 0.5,
      chosen: isOne ? synapse(s) : neuron(to),
      lines: [
        tell(what, numbers), tell(why, numbers),
        tell(isOne ? `backSo${so}` : `should${so}`, { ...numbers, name: name(to) }),
      ],
    };
  }

  function ends() {
    const what = waves.learn >= 0 ? "endLearnt" : hasLoss ? "endUrged" : "endPredicted";
    const isLast = step === run.steps.length - 1;
    return {
      t: waves.count,
      chosen: null,
      lines: [tell(what), tell("endWhy"), tell(isLast ? "endOfRun" : "endOfStep")],
    };
  }

  function learns() {
    const change = (/** @type {number} */ s) => view.after.weights[s] - view.weights[s];
    const s = mostly([...network.sources.keys()], change);
    if (s === undefined || !change(s)) return null;
    const { want } = run.learned(view, info, s);
    const own = run.wantOf(view, s);
    const next = run.steps[step + 1]?.loss === info.loss ? run.steps[step + 1].mean : null;
    const numbers = {
      from: name(network.sources[s]), to: name(network.targets[s]),
      before: shown(view.weights[s]), after: shown(view.after.weights[s]), want: signed(want),
      own: signed(own), n: count(info.learnedFrom ?? info.batch),
      moves: tell(change(s) > 0 ? "rises" : "falls"), loss: shown(info.mean),
      next: next === null ? "" : shown(next), optimizer: info.optimizer,
    };
    const remembers = remembered(info.update);
    const why = want !== want
      ? "learnWhyUnknown"
      : remembers
      ? info.batch === 1 && info.learnedFrom === 1 ? "learnFromOne" : "learnFromMean"
      : want * change(s) <= 0 // by weight decay, or by an optimizer of one's own
      ? "learnWhyOther"
      : network.positions(network.targets[s]) > 1 || (info.tick?.[1] ?? 1) > 1
      ? "learnWhySum"
      : info.batch === 1 && info.learnedFrom === 1
      ? "learnWhy"
      : view.isMean
      ? "learnWhyMean"
      : own * want > 0
      ? "learnWhySame"
      : "learnWhyAgainst";
    const again = next !== null && sameExamples(info, run.steps[step + 1]);
    const so = next === null ? "learnSo" : again ? "learnSoAgain" : "learnSoNext";
    const rose = !again || next <= info.mean ? "" : risen(info.update);
    return {
      t: waves.learn + 0.5,
      chosen: synapse(s),
      lines: [
        tell("learnWhat", numbers),
        [why, ...(want === want ? remembers : "").split(" ")].filter(Boolean)
          .map((key) => tell(key, numbers)).join(" "),
        [so, rose].filter(Boolean).map((key) => tell(key, numbers)).join(" "),
      ],
    };
  }
}

/**
 * What an update is made of beside the urgency: sentences, apart by spaces; "" if nothing.
 * @param {any} update the optimizer's settings, null if it is a user's own
 */
function remembered(update) {
  const decay = update?.weight_decay ? "andDecay" : "";
  if (update?.name === "Adam") return `andAdam ${decay}`.trim();
  return update?.momentum && update.count > 1 ? `andMomentum ${decay}`.trim() : decay;
}

/** Why the loss of the same examples rose. @param {any} update */
function risen(update) {
  if (!update || update.weight_decay) return "itRose";
  return update.momentum || update.name === "Adam" ? "itRoseOrMomentum" : "itRoseByRate";
}

/** Whether two steps are known to have the same examples. @param {any} one @param {any} other */
function sameExamples(one, other) {
  const all = [one, other].every(({ batch, examples }) => batch === examples);
  const sorted = [one, other].map(({ inputs }) => [...inputs].sort((a, b) => a - b).join());
  return all && one.batch === other.batch && sorted[0] === sorted[1];
}
