// The answer to "why?", in sentences.

import { el, name, sentence } from "./dom.js";
import { shown, signed } from "./numbers.js";

// the braces in the sentences, which are filled with elements
const BLANKS = ["name", "activation", "target", "urgency", "u", "slope", "v", "w", "source", "n"];

/**
 * Explain an urgency: its path from the loss, neuron by neuron.
 * @param {import("./panel.js").PanelApp} app
 * @returns {any[]}
 */
export function whyAnswer(app) {
  const { network, view, say, run, state, reason } = app.scene;
  if (!state.why) return [];
  if (!reason) return [el("p", { class: "note", text: say("whyNone") })];
  const blank = (/** @type {string} */ key) =>
    say(key, Object.fromEntries(BLANKS.map((word) => [word, `{${word}}`])));
  const who = (/** @type {number} */ k) => name(network.ids[k]);
  const first = reason.neurons[0];
  const row = /** @type {number} */ (network.outputOf.get(first));
  const lines = [
    el(
      "li",
      {},
      sentence(
        blank("whyLoss"),
        {
          name: who(first),
          activation: signed(view.a[first]),
          target: signed(view.targets[row]),
          urgency: signed(view.blame[row]),
        },
      ),
    ),
  ];
  reason.synapses.forEach((s, step) => {
    const target = reason.neurons[step];
    const parts = {
      name: who(target),
      u: signed(view.u[target]),
      slope: shown(view.slope[target]),
      v: signed(view.v[target]),
      w: signed(view.weights[s]),
      source: who(reason.neurons[step + 1]),
      urgency: signed(run.urgency(view, s)),
    };
    const line = el(
      "li",
      { "data-synapse": s },
      sentence(blank(view.isMean ? "whyMean" : "whySends"), parts),
    );
    line.addEventListener("pointerenter", () => app.hover({ kind: "synapse", k: s }));
    line.addEventListener("pointerleave", () => app.hover(null));
    lines.push(line);
  });
  const last = reason.neurons[reason.neurons.length - 1];
  const followers = network.outgoing(last).length;
  const both = network.outputOf.has(last);
  const received = followers + (both ? 1 : 0);
  const from = both && followers
    ? say("theLossAnd", { n: followers })
    : say("followers", { n: followers });
  lines.push(
    el(
      "li",
      {},
      sentence(
        blank(received > 1 ? "whySum" : "whyOne"),
        { name: who(last), u: signed(view.u[last]), n: from },
      ),
    ),
  );
  return [el("div", { class: "reason" }, el("h4", { text: say("whyTitle") }), el("ol", {}, lines))];
}
