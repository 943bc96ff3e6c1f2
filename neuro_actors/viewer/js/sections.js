// What the panels are made of: sections with a formula, and results.

import { el } from "./dom.js";

/**
 * @param {string} title
 * @param {string} formula
 * @param {boolean} later
 * @param {any} say
 * @param {...any} content
 */
export function section(title, formula, later, say, ...content) {
  return el(
    "section",
    { class: later ? "later" : null },
    el(
      "h3",
      {},
      el("span", { class: "what", text: title }),
      el("span", { class: "formula", text: formula }),
    ),
    later ? el("p", { class: "tag", text: say("later") }) : null,
    ...content,
  );
}

/** @param {string} symbol @param {string} value */
export function result(symbol, value) {
  return el("p", { class: "result", text: `${symbol} = ${value}` });
}
