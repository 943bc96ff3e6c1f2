// What interneurons combine, and what they send back: the numbers behind the panels' formulas.

/**
 * One number that an interneuron combines: from which synapse, at which position of the source.
 * @typedef {{synapse: number, source: number, at: number, x: number}} Heard
 * @typedef {"sum" | "product" | "max" | "logsumexp" | "dropout" | ""} Combination "": a user's own
 */

/**
 * The combination of an interneuron, if its formula is known here.
 * @param {import("./network.js").Network} network
 * @param {number} k
 * @returns {Combination}
 */
export function combinationOf(network, k) {
  const name = network.elements.combinations[k] ?? "";
  if (name.startsWith("dropout ")) return "dropout";
  return network.elements.known.has(name) ? /** @type {Combination} */ (name) : "";
}

/**
 * What an interneuron combines at one of its positions, in its order.
 * @param {import("./network.js").Network} network
 * @param {import("./data.js").View} view
 * @param {number} k
 * @param {number} at the position
 * @returns {Heard[]}
 */
export function combined(network, view, k, at) {
  const { elements, sources } = network;
  const field = network.fieldOf(k);
  const width = field ? field.width : 1;
  /** @type {Heard[]} */
  const found = [];
  for (const synapse of network.incoming(k)) {
    const source = sources[synapse];
    for (let tap = 0; tap < width; tap++) {
      const there = field ? field.positions[at * width + tap] : at;
      if (there < 0) continue;
      const x = Number(view.all.a[elements.start[source] + there]);
      found.push({ synapse, source, at: there, x });
    }
  }
  return found;
}

/**
 * ∂a/∂x of one of the numbers that an interneuron combines; NaN where it is not known.
 * @param {Combination} combination
 * @param {Heard[]} terms
 * @param {number} i which of them
 * @param {number} a what came of them
 * @param {number} mask that of a dropout
 */
export function slopeOf(combination, terms, i, a, mask) {
  if (combination === "sum") return 1;
  if (combination === "dropout") return mask;
  if (combination === "logsumexp") return Math.exp(terms[i].x - a);
  if (combination === "max") return i === greatest(terms) ? 1 : 0;
  if (combination === "product")
    return terms.reduce((product, { x }, other) => (other === i ? product : product * x), 1);
  return NaN;
}

/** The first of the greatest. @param {Heard[]} terms */
export function greatest(terms) {
  return terms.reduce((best, { x }, i) => (x > terms[best].x ? i : best), 0);
}

/**
 * The parts of an urgency that an interneuron sends to a position of a source: one from each of its
 * positions that hears this one.
 * @typedef {{position: number, slope: number, u: number, part: number}} Part
 * @param {import("./network.js").Network} network
 * @param {import("./data.js").View} view
 * @param {number} synapse into an interneuron
 * @param {number} at the position of the source
 * @returns {Part[] | null} null where they are not known: for a mean, or a user's own combination
 */
export function partsOf(network, view, synapse, at) {
  const k = network.targets[synapse];
  const { elements } = network;
  const combination = combinationOf(network, k);
  if (view.isMean || !combination || view.odd.has(k)) return null;
  const field = network.fieldOf(k);
  const positions = field ? hearers(field, elements.sizes[field.sources])[at] : [at];
  return positions.map((position) => {
    const terms = combined(network, view, k, position);
    const i = terms.findIndex((term) => term.synapse === synapse && term.at === at);
    const own = elements.start[k] + position;
    const [a, u, mask] = [view.all.a[own], view.all.u[own], view.all.slope[own]].map(Number);
    const slope = slopeOf(combination, terms, i, a, mask);
    return { position, slope, u, part: u * slope };
  });
}

/** @type {WeakMap<import("./elements.js").Field, number[][]>} */
const HEARERS = new WeakMap();

/**
 * From which positions each position of the sources is heard.
 * @param {import("./elements.js").Field} field
 * @param {number} size how many positions the sources have
 * @returns {number[][]}
 */
export function hearers(field, size) {
  let found = HEARERS.get(field);
  if (!found) {
    found = Array.from({ length: size }, () => /** @type {number[]} */ ([]));
    const { positions, width } = field;
    for (let at = 0; at < positions.length; at++)
      if (positions[at] >= 0) found[positions[at]].push(Math.floor(at / width));
    HEARERS.set(field, found);
  }
  return found;
}

/**
 * One of the urgencies that make a neuron's urgency.
 * @typedef {{synapse: number, target: number, position: number, factor: number, of: number, part:
 *   number}} UrgencyTerm `factor` × `of` = `part`: w × v, or slope × u of an interneuron; both are
 *   NaN where only the sum is known
 * @param {import("./data.js").Run} run
 * @param {import("./data.js").View} view
 * @param {number} k
 * @param {number} at its position
 * @returns {UrgencyTerm[]}
 */
export function urgencyTerms(run, view, k, at) {
  const { network } = run;
  const { elements, targets } = network;
  return [...network.outgoing(k)].flatMap((synapse) => {
    const target = targets[synapse];
    if (!network.isInterneuron(target)) {
      const of = Number(view.all.v[elements.start[target] + at]);
      const factor = Number(view.weights[synapse]);
      const part = view.odd.has(target) ? NaN : factor * of;
      return [{ synapse, target, position: at, factor, of, part }];
    }
    const parts = partsOf(network, view, synapse, at);
    if (!parts) {
      const part = view.odd.has(target) ? NaN : view.all.messages[elements.sent[synapse] + at];
      return [{ synapse, target, position: -1, factor: NaN, of: NaN, part: Number(part) }];
    }
    return parts.map(({ position, slope, u, part }) =>
      ({ synapse, target, position, factor: slope, of: u, part }),
    );
  });
}
