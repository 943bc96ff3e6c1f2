// The panel of a synapse.

import { overSteps } from "./charts.js";
import { el, name } from "./dom.js";
import { faultList } from "./fault_list.js";
import { signed } from "./numbers.js";

/** @param {import("./panel.js").PanelApp} app @param {number} s @returns {any[]} */
export function synapsePanel(app, s) {
  const { network, view, say, run, state, info, waves, placement } = app.scene;
  const [source, target] = [network.sources[s], network.targets[s]];
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
  const facts = [
    [say("weight"), signed(view.weights[s])],
    [say("forwardMessage"), signed(view.a[source])],
    [say("product"), signed(view.weights[s] * view.a[source])],
  ];
  if (placement) {
    const [from, to] = [placement.worker(info, source), placement.worker(info, target)];
    facts.push(
      from === to
        ? [say("travels"), say("within", { worker: from })]
        : [say("travels"), say("fromTo", { from, to })],
    );
  }
  if (info.loss !== null) {
    facts.push(
      [say("backwardMessage"), sent ? signed(run.urgency(view, s)) : say("notSent")],
      [say("weightUrgency"), signed(run.want(view, s))],
    );
    if (info.mode === "train")
      facts.push(
        [say("becomes"), signed(view.after.weights[s])],
        [say("changes"), signed(view.after.weights[s] - view.weights[s])],
      );
  }
  const points = run.synapseHistory(s, state.example);
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
    el("p", { class: "kind", text: `${say("synapse")} · ${say(kind)}` }),
    el(
      "dl",
      { class: "facts" },
      facts.map(([what, value]) =>
        el("div", {}, el("dt", { text: what }), el("dd", { text: value })),
      ),
    ),
    faultList(app, [s]),
    points.length > 1
      ? el(
        "section",
        {},
        el("h3", {}, el("span", { class: "what", text: say("overSteps") })),
        chart("weight", say("weight")),
        chart("activation", say("forwardMessage")),
        sent ? chart("urgency", say("backwardMessage")) : null,
      )
      : null,
  ];
}
