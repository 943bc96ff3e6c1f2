// The panel of the loss.

import { overSteps } from "./charts.js";
import { el, name } from "./dom.js";
import { probability } from "./logits.js";
import { shown, signed } from "./numbers.js";
import { positionBehind } from "./position_panel.js";
import { section } from "./sections.js";
import { termTable } from "./terms.js";
import { handedLabel } from "./time_panel.js";

const MOST_OUTPUTS = 64; // at all their positions

/** @param {import("./panel.js").PanelApp} app @returns {any[]} */
export function lossPanel(app) {
  const { network, view, say, run, info, state } = app.scene;
  if (info.loss === null)
    return [el("h2", { text: say("lossNode") }), el("p", { class: "note", text: say("lossNone") })];
  const formulas = view.isMean || view.odd.has(network.n) ? null : run.raw.losses[info.loss];
  const own = network.outputs.filter((k) => !network.elements.handed.has(k));
  const positions = network.positions(own[0]);
  const listed = positions * own.length <= MOST_OUTPUTS;
  const views = listed && positions > 1
    ? Array.from({ length: positions }, (_, position) => run.view(
      state.step,
      state.example,
      state.positions.with(network.elements.grid[own[0]], position),
    ))
    : [view];
  const logits = own.some((k) => probability(run, view, info, k) >= 0);
  const rows = views.flatMap((at) => own.map((k) => {
    const row = Number(network.outputOf.get(k));
    const cells = [
      signed(at.a[k]),
      ...(logits ? [shown(probability(run, at, info, k))] : []),
      signed(at.targets[row]),
      signed(at.blame[row]),
    ];
    return outputRow(app, k, positionBehind(app.scene, k, at.at(k)), cells);
  }));
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
    positions > 1
      ? el("p", {
        class: "note",
        text: say(listed ? "lossSumListed" : "lossSum", { n: positions }),
      })
      : null,
    formulas
      ? el("p", { class: "kind", text: say("urgencyOfLoss", { formula: formulas.urgency }) })
      : null,
    own.length < network.outputs.length ? handedSection(app) : null,
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

/** A line of the table of outputs. */
function outputRow(
  /** @type {import("./panel.js").PanelApp} */ app,
  /** @type {number} */ k,
  /** @type {string} */ more,
  /** @type {string[]} */ cells,
) {
  const link = el(
    "button",
    {
      class: "link",
      type: "button",
      "data-focus": `n ${k} ${more}`,
      onclick: () => app.choose({ kind: "neuron", k }),
    },
    name(app.scene.network.ids[k]),
    more ? ` ${more}` : null,
  );
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, link),
    cells.map((text) => el("td", { class: "n", text })),
  );
}

/** What the loss node hands on to the outputs that delays repeat. */
function handedSection(/** @type {import("./panel.js").PanelApp} */ app) {
  const { network, view, say } = app.scene;
  const terms = network.outputs.flatMap((k, row) => network.elements.handed.has(k)
    ? [{
      synapse: null,
      who: network.ids[k],
      size: Math.abs(view.blame[row]),
      bar: view.blame[row],
      cells: [handedLabel(app, k), signed(view.blame[row])],
    }]
    : [],
  );
  const heads = [say("output"), say("repeatedBy"), say("urgencyIn")];
  return section(
    say("handsOnTitle"),
    "",
    false,
    say,
    el("p", { class: "note", text: say("handedNote") }),
    ...termTable({ terms, heads, key: "handed", app }),
  );
}
