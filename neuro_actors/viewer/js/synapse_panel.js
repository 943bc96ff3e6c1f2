// The panel of a synapse.

import { overSteps } from "./charts.js";
import { el, name } from "./dom.js";
import { synapseHistory } from "./histories.js";
import { faultList } from "./fault_list.js";
import { exampleName } from "./examples.js";
import { learningOf, sectionOnLearning } from "./learn_panel.js";
import { shown, signed } from "./numbers.js";
import { positionLine, positionsTable } from "./position_panel.js";
import { term } from "./update.js";

/** @param {import("./panel.js").PanelApp} app @param {number} s @returns {any[]} */
export function synapsePanel(app, s) {
  const { network, view, say, run, state, info, waves, placement } = app.scene;
  const [source, target] = [network.sources[s], network.targets[s]];
  const isIn = network.isInterneuron(target);
  const kind = view.weights[s] > 0
    ? "excitatory"
    : view.weights[s] < 0
    ? "inhibitory"
    : "silentWeight";
  const link = (/** @type {number} */ k) => el(
    "button",
    {
      class: "link",
      type: "button",
      "data-focus": `n ${k}`,
      onclick: () => app.choose({ kind: "neuron", k }),
    },
    name(network.ids[k]),
  );
  const sent = waves.urged[source] >= 0;
  const [w, x, v] = [view.weights[s], view.a[source], view.v[target]];
  const facts = isIn
    ? [[say("forwardMessage"), signed(x)]]
    : [
      [say("weight"), signed(w)],
      [say("forwardMessage"), signed(x)],
      [say("product"), `${shown(w)} × ${term(x)} = ${signed(w * x)}`],
    ];
  if (placement) {
    const [from, to] = [placement.worker(info, source), placement.worker(info, target)];
    facts.push(
      from === to
        ? [say("travels"), say("within", { worker: from })]
        : [say("travels"), say("fromTo", { from, to })],
    );
  }
  const many = network.positions(target) > 1;
  if (isIn && info.loss !== null)
    facts.push([
      say("backFromInterneuron"),
      sent ? signed(run.urgency(view, s)) : say("notSent"),
    ]);
  if (!isIn && info.loss !== null && !view.odd.has(target)) {
    const back = `${shown(w)} × ${term(v)} = ${signed(run.urgency(view, s))}`;
    const want = signed(run.want(view, s));
    facts.push(
      [say("itsV"), signed(v)],
      [say("backwardMessage"), sent ? back : say("notSent")],
      many
        ? [say(view.isMean ? "meanWantPositions" : "weightUrgencyPositions"), want]
        : view.isMean
        ? [say("meanWeightUrgency"), want]
        : [say("weightUrgency"), `${shown(v)} × ${term(x)} = ${want}`],
    );
  }
  const example = run.ofCurves(state);
  const points = synapseHistory(run, s, example, state.positions);
  const followed = exampleName(run, say, example);
  const numbers = points.map((/** @type {any} */ point) => point.number);
  const chart = (/** @type {string} */ key, /** @type {string} */ label) => [
    el("h4", { text: label }),
    overSteps(
      [{ kind: key, values: points.map((/** @type {any} */ point) => point[key]) }],
      state.step,
      `${label}, ${say("overSteps")}`,
      numbers,
    ),
  ];
  return [
    el("h2", {}, link(source), " → ", link(target)),
    el("p", {
      class: "kind",
      text: [say("synapse"), isIn ? null : say(kind), network.isFrozen(s) ? say("frozen") : null]
        .filter(Boolean).join(" · "),
    }),
    isIn ? el("p", { class: "note", text: say("synapseIn") }) : null,
    positionLine(app, source),
    el(
      "dl",
      { class: "facts" },
      facts.map(([what, value]) =>
        el("div", {}, el("dt", { text: what }), el("dd", { text: value })),
      ),
    ),
    view.odd.has(target) ? el("p", { class: "warn", text: say("isOdd") }) : null,
    isIn || info.loss === null ? null : positionsTable(app, s),
    isIn || info.after === info.before ? null : sectionOnLearning(app, learningOf(app, s, "w")),
    faultList(app, [s]),
    points.length > 1
      ? el(
        "section",
        {},
        el("h3", {}, el("span", { class: "what", text: say("overSteps") })),
        isIn ? null : chart("weight", say("weight")),
        chart("activation", say("ofExample", { what: say("forwardMessage"), name: followed })),
        sent
          ? chart("urgency", say("ofExample", { what: say("backwardMessage"), name: followed }))
          : null,
      )
      : null,
  ];
}
