// What the words and symbols of an update mean: for the legend, and beside its formula.

import { el } from "./dom.js";

/**
 * The words that the formula of a step's optimizer needs.
 * @param {any} info the step
 * @returns {[string, string][]} the texts that name each word and say what it means
 */
export function learnWords({ update, before, after, learnedFrom }) {
  if (before === after || !update) return [];
  const { name, momentum, weight_decay: decay } = update;
  const some = [
    "g", "rate", decay && "decay",
    ...(name === "SGD" && momentum ? ["momentum", "velocity"] : []),
    ...(name === "Adam" ? ["moments", "betas", "corrected", "epsilon"] : []),
  ].filter(Boolean);
  return some.map((one) => [
    `term_${one}`, one === "g" && learnedFrom > 1 ? "says_gMean" : `says_${one}`,
  ]);
}

/**
 * Words and what they mean, as a list.
 * @param {[string, string][]} words
 */
export function wordList(words) {
  return el(
    "dl",
    { class: "symbols" },
    words.map(([word, meaning]) =>
      el("div", {}, el("dt", { text: word }), el("dd", { text: meaning })),
    ),
  );
}
