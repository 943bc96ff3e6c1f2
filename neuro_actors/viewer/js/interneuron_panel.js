// The panel of an interneuron: what it combines, and what it sends back to each source.

import { el } from "./dom.js";
import { combinationOf, combined, greatest, hearers, slopeOf } from "./interneurons.js";
import { shown, signed } from "./numbers.js";
import { positionBehind } from "./position_panel.js";
import { result, section } from "./sections.js";
import { termTable } from "./terms.js";
import { term } from "./update.js";

const MOST_FACTORS = 6; // of an equation in one line

/** What an interneuron combines at its chosen position. */
function partsAt(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { network, view } = app.scene;
  return combined(network, view, k, view.at(k));
}

/**
 * One of them as a line of a table.
 * @param {import("./panel.js").PanelApp} app
 * @param {import("./interneurons.js").Heard} part
 */
function lineOf(app, { synapse, source, at }) {
  const { network } = app.scene;
  return {
    synapse,
    who: network.ids[source],
    more: positionBehind(app.scene, source, at),
    go: { k: source, position: at },
  };
}

/**
 * What it combines, by its formula, and what comes of it.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function combinesSection(app, k) {
  const { network, view, say, waves, t } = app.scene;
  const combination = combinationOf(network, k);
  const parts = partsAt(app, k);
  const [a, mask] = [view.a[k], view.slope[k]];
  const isHidden = view.isMean && combination !== "sum";
  const isOdd = view.odd.has(k);
  const formula = isOdd
    ? "a"
    : isHidden
    ? say("meanOfA")
    : combination
    ? say(`combines_${combination}`)
    : "";
  const hasShares = combination === "logsumexp" && !isHidden && !isOdd;
  const first = combination === "max" && !isHidden ? greatest(parts) : -1;
  const terms = parts.map((part, i) => ({
    ...lineOf(app, part),
    size: Math.abs(part.x),
    bar: part.x,
    now: i === first,
    cells: [signed(part.x), ...(hasShares ? [shown(Math.exp(part.x - a))] : [])],
  }));
  const foot = [{
    synapse: null,
    who: null,
    label: "a",
    size: 0,
    cells: [signed(a), ...(hasShares ? [""] : [])],
  }];
  const heads = [say("source"), say("activationIn"), ...(hasShares ? [say("shareOf")] : [])];
  return section(
    say("combines"),
    formula,
    t < waves.sends[k],
    say,
    ...termTable({ terms, heads, foot, key: `receives ${k}`, app }),
    isOdd || isHidden ? result("a", signed(a)) : equation(combination, parts, a, mask),
    combination === "dropout" ? dropoutNote(app, k) : null,
    isHidden ? el("p", { class: "note", text: say("meanCombines") }) : null,
    combination
      ? null
      : el("p", {
        class: "note",
        text: say("ownCombination", { name: network.kindOf(k) }),
      }),
  );
}

/**
 * How its activation comes of the numbers, in a line; only the result if it would be long.
 * @param {import("./interneurons.js").Combination} combination
 * @param {import("./interneurons.js").Heard[]} parts
 * @param {number} a
 * @param {number} mask
 */
function equation(combination, parts, a, mask) {
  const few = parts.length <= MOST_FACTORS;
  const [first] = parts;
  const value = signed(a);
  if (combination === "dropout")
    return result("a", `${shown(first.x)} × ${shown(mask)} = ${value}`);
  const [head, ...rest] = parts.map(({ x }, i) => (i ? term(x) : shown(x)));
  if (combination === "product" && few && rest.length)
    return result("a", `${[head, ...rest].join(" × ")} = ${value}`);
  if (combination === "sum" && few && rest.length)
    return result("a", `${[head, ...rest].join(" + ")} = ${value}`);
  return result("a", value);
}

/** What the mask of a dropout means in this step. */
function dropoutNote(/** @type {import("./panel.js").PanelApp} */ app, /** @type {number} */ k) {
  const { network, view, say, info } = app.scene;
  const [, rate, , seed] = /** @type {RegExpMatchArray} */ (
    /^dropout ([^,]+)(, seed (.+))?$/.exec(String(network.elements.combinations[k]))
  );
  const [, tick] = info.tick ?? [];
  const draws = info.loss !== null || tick !== undefined;
  const key = view.isMean
    ? "dropoutMean"
    : !draws
    ? "dropoutRests"
    : view.slope[k] === 0
    ? "dropoutOut"
    : "dropoutIn";
  return el("p", { class: "note", text: say(key, { rate, seed: seed ?? "0" }) });
}

/**
 * What it sends back to each source.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function sendsBackSection(app, k) {
  const { network, view, say, waves, t, run } = app.scene;
  const combination = combinationOf(network, k);
  const field = network.fieldOf(k);
  const bySource = view.isMean || !combination;
  const parts = partsAt(app, k);
  const u = view.u[k];
  const isAsked = (/** @type {number} */ source) => waves.urged[source] >= 0;
  const terms = bySource
    ? [...network.incoming(k)].map((synapse) => {
      const source = network.sources[synapse];
      const urgency = run.urgency(view, synapse);
      return {
        ...lineOf(app, { synapse, source, at: view.at(source), x: 0 }),
        size: Math.abs(urgency),
        bar: urgency,
        cells: [isAsked(source) ? signed(urgency) : "–"],
      };
    })
    : parts.map((part, i) => {
      const slope = slopeOf(combination, parts, i, view.a[k], view.slope[k]);
      return {
        ...lineOf(app, part),
        size: Math.abs(slope * u),
        bar: slope * u,
        cells: [
          shown(slope),
          `×\u2009${shown(u)}`,
          isAsked(part.source) ? signed(slope * u) : "–",
        ],
      };
    });
  const heads = bySource
    ? [say("source"), say("urgencyIn")]
    : [say("source"), say("slopeTo"), "u", say(field ? "partOfUrgency" : "urgencyIn")];
  const formula = bySource
    ? say(view.isMean ? "meanSendsBack" : "sendsBackOwn")
    : say("slopeFormula", { slope: say(`slope_${combination}`) });
  return section(
    say("sendsBackTo"),
    formula,
    !waves.isUrged(k, t),
    say,
    ...termTable({ terms, heads, key: `wants ${k}`, app }),
    field && hearers(field, network.elements.sizes[field.sources]).some((by) => by.length > 1)
      ? el("p", { class: "note", text: say(bySource ? "fieldAddsHere" : "fieldAdds") })
      : null,
  );
}
