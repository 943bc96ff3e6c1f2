// The parts of a panel on positions: which one is shown, and what each of them wants of a weight.

import { el } from "./dom.js";
import { positionName } from "./arrangement.js";
import { arrangementOf } from "./attention.js";
import { gridName } from "./elements.js";
import { shown, signed } from "./numbers.js";
import { termTable } from "./terms.js";

/** A position of a neuron in words. */
function placeOf(
  /** @type {import("./network.js").Network} */ network,
  /** @type {number} */ k,
  /** @type {number} */ position,
) {
  return positionName(arrangementOf(network, k), position);
}

/**
 * A position behind a name: "at 3", "at (2, 3)"; "" where there is one position alone.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {number} position
 */
export function positionBehind({ network, say }, k, position) {
  return network.positions(k) > 1 ? say("at", { at: placeOf(network, k, position) }) : "";
}

const MOST_IN_MENU = 1024; // positions in a menu

/**
 * Which position of a neuron is shown, with a menu to choose another one.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function positionLine(app, k) {
  const { network, say, view } = app.scene;
  const size = network.positions(k);
  if (size === 1) return null;
  const named = { at: placeOf(network, k, view.at(k)), grid: gridName(network.gridOf(k)) };
  if (size > MOST_IN_MENU) return el("p", { class: "kind where", text: say("atPosition", named) });
  const menu = el(
    "select",
    {
      "data-focus": "position",
      "aria-label": say("choosePosition", named),
      onchange: (/** @type {any} */ event) => app.choosePosition(k, Number(event.target.value)),
    },
    Array.from({ length: size }, (_, position) =>
      el("option", {
        value: position,
        selected: position === view.at(k),
        text: say("atPosition", { ...named, at: placeOf(network, k, position) }),
      }),
    ),
  );
  return el("p", { class: "kind where" }, menu);
}

/**
 * What each position wants of a parameter of one example, and the sum over them. Null where there
 * is one position alone, or the numbers are means.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} place among the parameters
 */
export function positionsTable(app, place) {
  const { network, run, view, say } = app.scene;
  const k = place - network.sources.length;
  const target = k < 0 ? network.targets[place] : k;
  if (network.positions(target) === 1 || view.isMean || view.odd.has(target)) return null;
  const { start } = network.elements;
  const wants = run.wantsByPosition(view, place);
  const terms = [...wants].map((want, position) => {
    const v = Number(view.all.v[start[target] + position]);
    const x = k < 0 ? Number(view.all.a[start[network.sources[place]] + position]) : 1;
    return {
      synapse: null,
      who: null,
      label: placeOf(network, target, position),
      size: Math.abs(want),
      bar: want,
      now: position === view.at(target),
      cells: k < 0
        ? [signed(v), `×\u2009${shown(x)}`, signed(want)]
        : [signed(v)],
    };
  });
  const label = say("sumOverPositions", { n: wants.length });
  const blank = k < 0 ? ["", ""] : [];
  const total = signed(run.wantOf(view, place));
  const foot = [{ synapse: null, who: null, label, size: 0, cells: [...blank, total] }];
  const heads = k < 0
    ? [say("position"), say("itsV"), say("activationIn"), say("wantsOf")]
    : [say("position"), say("wantsOfBias")];
  return el(
    "div",
    { class: "byPosition" },
    termTable({ terms, heads, foot, key: `positions ${place}`, app }),
    k < 0
      ? el("p", { class: "note", text: say("sharedWeight", { n: wants.length }) })
      : null,
  );
}
