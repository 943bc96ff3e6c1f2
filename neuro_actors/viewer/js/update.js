// How an optimizer makes the change of a parameter, as equations with numbers.

import { shown, signed } from "./numbers.js";

/**
 * An equation: which quantity it computes, the numbers that it computes it from, and the result.
 * @typedef {{key: string, numbers: string, value: number}} Equation
 * @typedef {{parameter: number, want: number, state: number[]}} Parts
 */

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A number behind an operator: a negative one in brackets. @param {number} x */
export function term(x) {
  return x < 0 ? `(${shown(x)})` : shown(x);
}

/**
 * The equations of an update. They are empty for an optimizer that the page does not know.
 * @param {any} settings the optimizer's
 * @param {Parts} parts the parameter, the urgency that it learns from, and the optimizer's state
 * @returns {{equations: Equation[], change: number, size: number}} size: that of all its terms
 */
export function update(settings, parts) {
  /** @type {Equation[]} */
  const equations = [];
  const add = (
    /** @type {string} */ key,
    /** @type {string} */ numbers,
    /** @type {number} */ value,
  ) => {
    equations.push({ key, numbers, value });
    return value;
  };
  const { parameter, state } = parts;
  const decay = settings.weight_decay;
  const g = decay
    ? add(
      "decayed",
      `${shown(parts.want)} − ${shown(decay)} × ${term(parameter)}`,
      parts.want - decay * parameter,
    )
    : parts.want;
  const size = Math.abs(parts.want) + Math.abs(decay * parameter);
  if (settings.name === "SGD") return sgd(settings, g, state, size, add, equations);
  if (settings.name === "Adam") return adam(settings, g, state, size, add, equations);
  return { equations: [], change: NaN, size: NaN };
}

/**
 * @typedef {(settings: any, g: number, state: number[], size: number, add: (key: string, numbers:
 *   string, value: number) => number, equations: Equation[]) => {equations: Equation[], change:
 *   number, size: number}} Rule
 */

/** @type {Rule} */
function sgd({ rate, momentum }, g, state, size, add, equations) {
  const velocity = momentum
    ? add(
      "velocity",
      `${shown(momentum)} × ${term(state[0])} + ${term(g)}`,
      momentum * state[0] + g,
    )
    : g;
  const key = momentum ? "changeByVelocity" : "changeByUrgency";
  const change = add(key, `${shown(rate)} × ${term(velocity)}`, rate * velocity);
  const most = momentum ? size + Math.abs(momentum * state[0]) : size;
  return { equations, change, size: rate * most };
}

/** @type {Rule} */
function adam({ rate, beta1, beta2, epsilon, count }, g, state, size, add, equations) {
  const [m0, s0] = state;
  const raised = [...String(count)].map((digit) => RAISED[Number(digit)]).join("");
  const m = add(
    "moment",
    `${shown(beta1)} × ${term(m0)} + ${shown(1 - beta1)} × ${term(g)}`,
    beta1 * m0 + (1 - beta1) * g,
  );
  const s = add(
    "square",
    `${shown(beta2)} × ${term(s0)} + ${shown(1 - beta2)} × ${term(g)}²`,
    beta2 * s0 + (1 - beta2) * g * g,
  );
  const mHat = add(
    "momentCorrected",
    `${shown(m)} / (1 − ${shown(beta1)}${raised})`,
    m / (1 - beta1 ** count),
  );
  const sHat = add(
    "squareCorrected",
    `${shown(s)} / (1 − ${shown(beta2)}${raised})`,
    s / (1 - beta2 ** count),
  );
  const spread = Math.sqrt(sHat) + epsilon;
  const change = add(
    "changeByAdam",
    `${shown(rate)} × ${term(mHat)} / (√(${shown(sHat)}) + ${shown(epsilon)})`,
    rate * (mHat / spread),
  );
  const most = (Math.abs(beta1 * m0) + (1 - beta1) * size) / (1 - beta1 ** count);
  return { equations, change, size: rate * (most / spread) };
}

/** The equation as the page prints it. @param {Equation} equation */
export function written({ numbers, value }) {
  return `${numbers} = ${signed(value)}`;
}
