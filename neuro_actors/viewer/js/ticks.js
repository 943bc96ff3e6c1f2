// Time: the ticks of a sequence. Activations go forward through them, urgencies go back.

/**
 * A sequence: the index of the page's step that goes forward through each tick, and back to it; -1
 * where the page has none. `order` has all of them in the order of time.
 * @typedef {{ticks: number, forward: number[], back: number[], order: number[]}} Sequence
 */

/**
 * Group the steps of a run through time into sequences.
 * @param {{tick?: number[], back?: boolean, sequence?: number}[]} steps
 * @returns {(Sequence | null)[]} the sequence of each step; null for a step that is no tick
 */
export function findSequences(steps) {
  /** @type {Map<number, Sequence>} */
  const known = new Map();
  return steps.map(({ tick, back, sequence: first }, step) => {
    if (!tick || first === undefined) return null;
    const [at, ticks] = tick;
    const none = () => Array.from({ length: ticks }, () => -1);
    /** @type {Sequence} */
    const sequence = known.get(first) ?? { ticks, forward: none(), back: none(), order: [] };
    known.set(first, sequence);
    (back ? sequence.back : sequence.forward)[at - 1] = step;
    sequence.order.push(step);
    return sequence;
  });
}

/**
 * The same place in the next or previous sequence.
 * @param {(Sequence | null)[]} sequences of each step
 * @param {number} step
 * @param {number} by 1 or -1
 * @returns {number} the index of the step; the present one if there is no other sequence
 */
export function samePlace(sequences, step, by) {
  const here = sequences[step];
  const place = here ? here.order.indexOf(step) : -1;
  for (let k = step; here && k >= 0 && k < sequences.length; k += by) {
    const other = sequences[k];
    if (other && other !== here) return other.order[Math.min(place, other.order.length - 1)];
  }
  return step;
}
