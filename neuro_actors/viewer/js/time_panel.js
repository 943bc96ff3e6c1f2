// The parts of a panel on time: what a delay repeats, to whom its urgency goes, and what the ticks
// want of a parameter together.

import { el, name, sentence } from "./dom.js";
import { signed } from "./numbers.js";
import { section } from "./sections.js";
import { termTable } from "./terms.js";

/**
 * "a tick later", "2 ticks earlier".
 * @param {import("./words.js").Say} say
 * @param {number} n how many ticks later
 */
export function ticksName(say, n) {
  const size = Math.abs(n);
  if (n < 0) return size === 1 ? say("tickEarlier") : say("ticksEarlier", { n: size });
  return size === 1 ? say("tickLater") : say("ticksLater", { n: size });
}

/**
 * What stands before the urgency that is handed on to an output of a cell.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function handedLabel(app, k) {
  const { network, say } = app.scene;
  const { delay, ticks } = /** @type {{delay: number, ticks: number}} */ (
    network.elements.handed.get(k)
  );
  return say("handedFrom", { delay: network.ids[delay], n: ticksName(say, ticks) });
}

/**
 * The round of a step's sequence from which a delay repeats: the last one before the step that goes
 * forward through a tick; or that to which its urgency goes: the first one behind that goes back.
 * @param {import("./data.js").Run} run
 * @param {number} step its index
 * @param {number} tick
 * @param {boolean} back
 * @returns {number} its index; -1 if it is not in the page
 */
export function roundOf(run, step, tick, back) {
  const found = run.roundsOf(step).filter((k) =>
    run.steps[k].tick?.[0] === tick && run.steps[k].back === back && (back ? k > step : k < step),
  );
  return found[back ? 0 : found.length - 1] ?? -1;
}

/** What neuron a delay repeats. */
function repeated(
  /** @type {import("./network.js").Network} */ network,
  /** @type {number} */ k,
) {
  const { of, ticks } = /** @type {{of: number, ticks: number}} */ (
    network.elements.delayed.get(k)
  );
  const [synapse] = network.incoming(of);
  return { to: of, of: network.sources.length ? network.sources[synapse] : of, ticks };
}

/** A button that leads to a round. */
function goButton(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number} */ step,
  /** @type {number} */ tick,
) {
  return step < 0
    ? null
    : el("button", {
      class: "link",
      type: "button",
      "data-focus": `tick ${step}`,
      onclick: () => app.goStep(step),
      text: app.scene.say("goTick", { tick }),
    });
}

/**
 * What a delay repeats.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function repeatsSection(app, k) {
  const { network, view, say, info, run, state, waves, t } = app.scene;
  const { of, ticks } = repeated(network, k);
  const blank = (/** @type {string} */ key, /** @type {Record<string, any>} */ values) =>
    sentence(say(key, { name: "{name}", ...values }), { name: name(network.ids[of]) });
  const formula = say("repeatsFormula", { name: network.ids[of], n: ticksName(say, -ticks) });
  const [tick, last] = info.tick ?? [0, 0];
  const earlier = tick - ticks;
  const value = signed(view.a[k]);
  const isInside = earlier > 0 && earlier <= last;
  const round = isInside ? roundOf(run, state.step, earlier, false) : -1;
  const seen = round < 0 ? NaN : run.view(round, view.example, state.positions).a[of];
  const key = !isInside
    ? view.a[k] === 0 ? "repeatsNothing" : "repeatsCarried"
    : seen === view.a[k]
    ? "repeatsValue"
    : "repeatsMissing";
  return section(
    say("repeats"),
    formula,
    t < waves.sends[k],
    say,
    el("p", { class: "result" }, blank(key, { value, tick: earlier })),
    goButton(app, round, earlier),
  );
}

/**
 * Where the urgency of a delay goes.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function handsOnNote(app, k) {
  const { network, view, say, info, run, state } = app.scene;
  const { of, to, ticks } = repeated(network, k);
  const [tick, last] = info.tick ?? [0, 0];
  const earlier = tick - ticks;
  const isInside = earlier > 0 && earlier <= last;
  const round = isInside ? roundOf(run, state.step, earlier, true) : -1;
  const there = round < 0 ? NaN : run.view(round, view.example, state.positions).u[to];
  const goes = isInside && !(there !== view.u[k] && there === there);
  const parts = sentence(
    say(goes ? "handsOn" : "handsOnNone", { name: "{name}", tick: earlier, to: network.ids[to] }),
    { name: name(network.ids[of]) },
  );
  return [el("p", { class: "note" }, parts), goes ? goButton(app, round, earlier) : null];
}

/**
 * By which delays a neuron is repeated.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function repeatedNote(app, k) {
  const { network, say } = app.scene;
  return [...network.elements.delayed].flatMap(([delay, { of, ticks }]) => {
    const source = repeated(network, delay).of;
    if (of !== k && source !== k) return [];
    const values = { name: "{name}", delay: network.ids[delay], n: ticksName(say, ticks) };
    const text = say("isRepeated", values);
    return [el("p", { class: "note" }, sentence(text, { name: name(network.ids[source]) }))];
  });
}

/**
 * What the ticks of a sequence want of a parameter, and their sum; null in a step that does not
 * learn from several ticks.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} place among the parameters
 */
export function ticksTable(app, place) {
  const { run, say, info, state, view } = app.scene;
  if (!info.tick || !info.back || info.tick[0] > 1 || info.tick[1] < 2) return null;
  // the last round back to each tick: in those before it not all urgencies were there
  const rounds = run.roundsOf(state.step).filter((step) => run.steps[step].back).reverse()
    .filter((step, at, all) =>
      all.findIndex((other) => run.steps[other].tick[0] === run.steps[step].tick[0]) === at,
    );
  const [, ticks] = info.tick;
  const wants = rounds.map((step) => run.want(run.view(step, -1), place));
  const terms = rounds.map((step, at) => ({
    synapse: null,
    who: null,
    label: say("tickOf", { tick: run.steps[step].tick[0], ticks }),
    size: Math.abs(wants[at]),
    bar: wants[at],
    cells: [signed(wants[at])],
  }));
  // of a batch that is cut it learns from the mean over all micro-batches, not from this sum
  const want = info.microBatch
    ? wants.toReversed().reduce((sum, one) => sum + one)
    : run.learned(view, info, place).want;
  const label = say("sumOfTicks", { n: ticks });
  const foot = [{ synapse: null, who: null, label, size: 0, cells: [signed(want)] }];
  const heads = [say("theTick"), say("urgencyIn")];
  return el(
    "div",
    {},
    termTable({ terms, heads, foot, key: `ticks ${place}`, app }),
    rounds.length < ticks ? el("p", { class: "note", text: say("ticksMissing") }) : null,
  );
}
