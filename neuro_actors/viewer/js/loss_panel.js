// The panel of the loss.

import { overSteps } from "./charts.js";
import { el, name } from "./dom.js";
import { probability } from "./logits.js";
import { shown, signed } from "./numbers.js";

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function lossPanel(app) {
  const { network, view, say, run, info } = app.scene;
  if (info.loss === null)
    return [el("h2", { text: say("lossNode") }), el("p", { class: "note", text: say("lossNone") })];
  const formulas = view.isMean || view.odd.has(network.n) ? null : run.raw.losses[info.loss];
  const logits = network.outputs.some((k) => probability(run, view, info, k) >= 0);
  const rows = network.outputs.map((k, row) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el(
          "button",
          {
            class: "link",
            type: "button",
            "data-focus": `n ${k}`,
            onclick: () => app.choose({ kind: "neuron", k }),
          },
          name(network.ids[k]),
        ),
      ),
      [
        signed(view.a[k]),
        ...(logits ? [shown(probability(run, view, info, k))] : []),
        signed(view.targets[row]),
        signed(view.blame[row]),
      ].map((text) => el("td", { class: "n", text })),
    ),
  );
  const title = say(view.isMean ? "lossMean" : "lossOf", { name: say("loss") });
  const heads = [
    say("output"),
    say(logits ? "activationLogit" : "activation"),
    ...(logits ? [say("probability")] : []),
    say("target"),
    say("lossUrgency"),
  ];
  const { steps, losses } = run.curve;
  const near = steps.reduce(
    (
      /** @type {number} */ best,
      /** @type {number} */ n,
      /** @type {number} */ k,
    ) => (Math.abs(n - info.number) < Math.abs(steps[best] - info.number) ? k : best),
    0,
  );
  return [
    el("h2", { text: say("lossNode") }),
    el("p", { class: "kind", text: formulas ? `${info.loss} = ${formulas.value}` : info.loss }),
    el("p", { class: "result", text: say("hasValue", { name: title, value: shown(view.loss) }) }),
    view.isMean ? el("p", { class: "note", text: say("meanLoss") }) : null,
    view.odd.has(network.n) ? el("p", { class: "warn", text: say("isOdd") }) : null,
    info.optimizer
      ? el("p", { class: "note", text: say("learnsBy", { optimizer: info.optimizer }) })
      : null,
    el(
      "div",
      { class: "wide" },
      el(
        "table",
        { class: "terms" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            heads.map((head, k) => el("th", { scope: "col", class: k ? "n" : null, text: head })),
          ),
        ),
        el("tbody", {}, rows),
      ),
    ),
    formulas
      ? el("p", { class: "kind", text: say("urgencyOfLoss", { formula: formulas.urgency }) })
      : null,
    steps.length > 1
      ? el(
        "section",
        {},
        el("h3", {}, el("span", { class: "what", text: say("lossOverSteps") })),
        overSteps(
          [{ kind: "lossline", values: losses }],
          near,
          say("lossOverSteps"),
          steps,
        ),
      )
      : null,
  ];
}
