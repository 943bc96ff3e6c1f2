// Outputs that are logits: the loss makes probabilities of them.

/**
 * The probability that the loss makes of an output's activation, for one example.
 * @param {import("./data.js").Run} run
 * @param {any} view
 * @param {any} info
 * @param {number} k the neuron
 * @returns {number} NaN if it is no output, if the loss takes no logits or is a user's own, or for
 *   the mean of a batch, which is not the probability of the mean
 */
export function probability(run, view, info, k) {
  const { elements } = run.network;
  const outputs = run.network.outputs.filter((one) => !elements.handed.has(one));
  const isSigmoid = info.loss === "sigmoid_cross_entropy";
  if (!isSigmoid && info.loss !== "softmax_cross_entropy") return NaN;
  if (view.isMean || !outputs.includes(k) || !run.raw.losses[info.loss]) return NaN;
  const a = view.a[k];
  const others = isSigmoid ? [0] : outputs.filter((one) => one !== k).map((one) => view.a[one]);
  return 1 / others.reduce((sum, other) => sum + Math.exp(other - a), 1);
}
