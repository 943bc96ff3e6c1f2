// The answer to "why?", in sentences.

import { el, name, sentence } from "./dom.js";
import { urgencyTerms } from "./interneurons.js";
import { shown, signed } from "./numbers.js";
import { positionBehind } from "./position_panel.js";
import { ticksName } from "./time_panel.js";

// the braces in the sentences, which are filled with elements
const BLANKS = [
  "name", "activation", "target", "urgency", "u", "slope", "v", "w", "source", "n", "at", "there",
  "delay",
];

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
  const { start } = network.elements;
  const there = (/** @type {number} */ step) => positionBehind(
    app.scene,
    reason.neurons[step],
    reason.positions[step],
  );
  const lines = [reason.stopped === null ? beginning(app, reason, who, blank) : stopped(app)];
  reason.terms.forEach((one, step) => {
    const target = reason.neurons[step];
    const source = reason.neurons[step + 1];
    const at = start[target] + reason.positions[step];
    const parts = {
      name: who(target),
      u: signed(view.all.u[at]),
      slope: shown(view.all.slope[at]),
      v: signed(view.all.v[at]),
      w: signed(view.weights[one.synapse]),
      source: who(source),
      urgency: signed(one.part),
    };
    const isIn = network.isInterneuron(target);
    const known = isIn
      ? {
        ...parts,
        slope: shown(one.factor),
        at: there(step) && ` ${there(step)}`,
        there: there(step + 1) && ` ${there(step + 1)}`,
      }
      : parts;
    const key = isIn
      ? one.factor !== one.factor
        ? "whyCombinesMean"
        : network.fieldOf(target) ? "whyCombines" : "whyCombinesHere"
      : view.isMean ? "whyMean" : "whySends";
    const line = el("li", { "data-synapse": one.synapse }, sentence(blank(key), known));
    line.addEventListener("pointerenter", () => app.hover({ kind: "synapse", k: one.synapse }));
    line.addEventListener("pointerleave", () => app.hover(null));
    lines.push(line);
  });
  const last = reason.neurons[reason.neurons.length - 1];
  const followers = urgencyTerms(run, view, last, view.at(last)).length;
  const through = [...network.outgoing(last)].some((s) => network.fieldOf(network.targets[s]));
  const both = network.outputOf.has(last);
  const received = followers + (both ? 1 : 0);
  const from = both && followers
    ? say("theLossAnd", { n: followers })
    : say(through ? "partsOf" : "followers", { n: followers });
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

/** Where a path begins: what the loss sent, or what was handed on from a later tick. */
function beginning(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {import("./why.js").Reason} */ reason,
  /** @type {(k: number) => any} */ who,
  /** @type {(key: string) => string} */ blank,
) {
  const { network, view, say } = app.scene;
  const [first] = reason.neurons;
  const row = Number(network.outputOf.get(first));
  const at = network.outputStart[row] + reason.positions[0];
  const urgency = signed(view.all.blame[at]);
  const handed = network.elements.handed.get(first);
  if (handed)
    return el(
      "li",
      {},
      sentence(blank("whyHanded"), {
        name: who(first),
        delay: network.ids[handed.delay],
        n: ticksName(say, handed.ticks),
        urgency,
      }),
    );
  return el(
    "li",
    {},
    sentence(blank("whyLoss"), {
      name: who(first),
      activation: signed(view.all.a[network.elements.start[first] + reason.positions[0]]),
      target: signed(view.all.targets[at]),
      urgency,
    }),
  );
}

/** Why a path does not lead to the loss. */
function stopped(/** @type {import("./panel.js").PanelApp} */ app) {
  const { network, say, reason } = app.scene;
  return el("li", { text: say("whyStops", { name: network.ids[Number(reason?.stopped)] }) });
}
