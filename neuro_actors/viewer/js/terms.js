// A sum as a table: one row per term, the strongest first; a row is lit with its synapse.

import { el, name } from "./dom.js";
import { count } from "./numbers.js";

const FEW = 8;

/**
 * @typedef {{synapse: number | null, who: string | null, label?: string, size: number, cells:
 *   string[], bar?: number, now?: boolean, more?: string, go?: {k: number, position: number}}} Term
 *   `more`: what stands behind the name; `go`: the position to choose with the synapse
 * @param {{terms: Term[], heads: string[], foot?: Term[], key: string, app:
 *   import("./panel.js").PanelApp}} sum
 */
export function termTable({ terms, heads, foot = [], key, app }) {
  const { state, say } = app.scene;
  const all = state.all.has(key) || terms.length <= FEW + 2;
  const order = [...terms].sort((a, b) => (b.size || 0) - (a.size || 0));
  const shownTerms = all ? terms : order.slice(0, FEW);
  const most = Math.max(...terms.map((term) => term.size || 0), 1e-300);
  const rows = shownTerms.map((term) => row(term, most, app));
  const body = el(
    "tbody",
    {},
    rows,
    all
      ? null
      : el(
        "tr",
        { class: "more" },
        el("td", { colspan: heads.length, text: say("andMore", { n: count(terms.length - FEW) }) }),
      ),
  );
  const table = el(
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
    body,
    foot.length ? el("tfoot", {}, foot.map((term) => row(term, Infinity, app))) : null,
  );
  const wide = el("div", { class: "wide" }, table);
  if (terms.length <= FEW + 2) return [wide];
  const text = all ? say("showFew") : say("showAll", { n: count(terms.length) });
  return [
    wide,
    el(
      "button",
      {
        class: "quiet",
        type: "button",
        "data-focus": `all ${key}`,
        onclick: () => app.toggleAll(key),
        text,
      },
    ),
  ];
}

function row(
  /** @type {Term} */ term,
  /** @type {number} */ most,
  /** @type {import("./panel.js").PanelApp} */ app,
) {
  const { synapse } = term;
  const called = term.who === null ? term.label : name(term.who);
  const what = [called, term.more ? ` ${term.more}` : null];
  const head =
    synapse === null
      ? el("th", { scope: "row" }, what)
      : el(
        "th",
        { scope: "row" },
        el(
          "button",
          {
            class: "link",
            type: "button",
            "data-focus": `s ${synapse}`,
            onclick: () => {
              if (term.go) app.choosePosition(term.go.k, term.go.position);
              app.choose({ kind: "synapse", k: synapse });
            },
          },
          what,
        ),
      );
  const line = el(
    "tr",
    { "data-synapse": synapse, class: term.now ? "now" : null },
    head,
    term.cells.map((cell) => el("td", { class: "n", text: cell })),
  );
  if (term.bar !== undefined && most < Infinity && term.bar === term.bar) {
    line.classList.add(term.bar < 0 ? "minus" : "plus");
    line.style.setProperty("--share", `${Math.round((Math.abs(term.bar) / most) * 100)}%`);
  }
  if (synapse !== null) {
    line.addEventListener("pointerenter", () => app.hover({ kind: "synapse", k: synapse }));
    line.addEventListener("pointerleave", () => app.hover(null));
    line.addEventListener("focusin", () => app.hover({ kind: "synapse", k: synapse }));
    line.addEventListener("focusout", () => app.hover(null));
  }
  return line;
}
