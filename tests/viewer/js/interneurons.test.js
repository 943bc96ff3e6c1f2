// Interneurons, receptive fields and delays as the page's script reads them: node --test tests/viewer/js
import assert from "node:assert/strict";
import test from "node:test";

import { Run } from "../../../neuro_actors/viewer/js/data.js";
import { combinationOf, combined, hearers, partsOf, slopeOf, urgencyTerms } from "../../../neuro_actors/viewer/js/interneurons.js";
import { reason } from "../../../neuro_actors/viewer/js/why.js";

const pack = (values, Kind = Float64Array) => Buffer.from(new Kind(values).buffer).toString("base64");
const whole = (values) => pack(values, Int32Array);

/** x at 3 positions -> m, the maximum of positions 0, 1 and of 1, 2 -> y at 2 positions. */
function run({ batch = 1, combinations = ["max"], combination = "max", outputs = [2] } = {}) {
  const row = { a: [1, 4, 2, 4, 4, 8, 8], u: [0, 3, 0, 1, 2, 0.5, 1], v: [NaN, NaN, NaN, NaN, NaN, 0.5, 1] };
  const twice = (values) => pack(batch > 1 ? [...values, ...values] : values);
  return new Run({
    title: "run.arrows", picture: null, item: 8, functions: {}, curve: { steps: [], losses: [] }, notes: { batch }, losses: {},
    network: {
      ids: ["x", "m", "y"], activations: [null, "identity", "identity"], outputs, nSynapses: 2,
      level: whole([0, 1, 2]), sources: whole([0, 1]), targets: whole([1, 2]),
      grids: [[], [3], [2]], grid: whole([1, 2, 2]), interneurons: [[1, combination, 0]], combinations,
      fields: [{ name: "window", width: 2, sources: 1, grid: 2, positions: whole([0, 1, 1, 2]) }],
    },
    versions: [{ weights: pack([1, 2]), biases: pack([0, 0, 0]) }],
    steps: [{
      number: 1, mode: "gradient", loss: "squared_error", batch, examples: 1, learnedFrom: batch, inputs: [0], odd: [], wrtInputs: true,
      whole: true, before: 0, after: 0,
      arrays: {
        activations: twice(row.a), signals: twice(row.a), urgencies: twice(row.u), slopes: twice([NaN, NaN, NaN, NaN, NaN, 1, 1]),
        signal_urgencies: twice(row.v), messages: twice([0, 3, 0]), targets: twice(outputs.flatMap((k) => [9 * k, 9 * k + 1])), blame: twice(outputs.flatMap((k) => [k / 4, k / 2])), losses: twice([1]),
      },
    }],
  });
}

test("a row has a number for each position, and a view those at the chosen ones", () => {
  const one = run();
  assert.deepEqual(one.middle, [0, 1, 1]);
  assert.deepEqual([...one.view(0, 0).a], [4, 4, 8]);
  assert.deepEqual([...one.view(0, 0, [0, 2, 0]).a], [2, 4, 8]);
  assert.deepEqual([...one.view(0, 0, [0, 2, 0]).blame], [0.5]);
  const two = run({ outputs: [2, 1] });
  assert.deepEqual([...two.view(0, 0, [0, 2, 0]).targets], [18, 9]);
  assert.deepEqual([...two.view(0, 0, [0, 2, 1]).blame], [1, 0.5]);
  assert.deepEqual([...one.view(0, 0).all.a.subarray(0, 3)], [1, 4, 2]);
  assert.deepEqual([...one.wantsByPosition(one.view(0, 0), 1)], [0.5 * 4, 1 * 4]);
  assert.equal(one.wantOf(one.view(0, 0), 1), 6);
});

test("an interneuron combines the positions of its field, and sends each its parts", () => {
  const one = run();
  const { network } = one;
  const view = one.view(0, 0);
  assert.deepEqual(combined(network, view, 1, 0).map(({ at, x }) => [at, x]), [[0, 1], [1, 4]]);
  assert.deepEqual(hearers(network.fieldOf(1), 3), [[0], [0, 1], [1]]);
  assert.deepEqual(partsOf(network, view, 0, 1), [
    { position: 0, slope: 1, u: 1, part: 1 }, { position: 1, slope: 1, u: 2, part: 2 },
  ]);
  assert.deepEqual(partsOf(network, view, 0, 0), [{ position: 0, slope: 0, u: 1, part: 0 }]);
  assert.equal(one.urgency(view, 0), 3);
  assert.deepEqual(urgencyTerms(one, view, 1, 1).map(({ factor, of, part }) => [factor, of, part]), [[2, 1, 2]]);
});

test("the slopes of combinations", () => {
  const terms = [2, 5, 5].map((x) => ({ synapse: 0, source: 0, at: 0, x }));
  const all = (what, a, mask = NaN) => terms.map((_, i) => slopeOf(what, terms, i, a, mask));
  assert.deepEqual(all("sum", 12), [1, 1, 1]);
  assert.deepEqual(all("product", 50), [25, 10, 10]);
  assert.deepEqual(all("max", 5), [0, 1, 0]);
  assert.deepEqual(all("dropout", 1, 1.25), [1.25, 1.25, 1.25]);
  const a = Math.log(Math.exp(2) + 2 * Math.exp(5));
  assert.ok(Math.abs(all("logsumexp", a).reduce((sum, p) => sum + p) - 1) < 1e-15);
  assert.deepEqual(all("", 1), [NaN, NaN, NaN]);
});

test("why goes through a field, or says where it ends", () => {
  const one = run();
  const found = reason(one, one.view(0, 0), 0);
  assert.deepEqual([found.neurons, found.positions, found.loss], [[2, 1, 0], [1, 1, 1], true]);
  const mean = run({ batch: 2 });
  const stopped = reason(mean, mean.view(0, -1), 0);
  assert.deepEqual([stopped.stopped, stopped.loss, stopped.neurons], [1, false, [0]]);
});

test("a combination that is not the package's has no formula", () => {
  for (const how of [{ combinations: [] }, { combinations: ["max"], combination: "median" }]) {
    const one = run(how);
    assert.equal(combinationOf(one.network, 1), "");
    const view = one.view(0, 0);
    assert.equal(partsOf(one.network, view, 0, 1), null);
    assert.deepEqual(urgencyTerms(one, view, 0, 1).map(({ part, position }) => [part, position]), [[3, -1]]);
    assert.equal(reason(one, view, 0).stopped, 1);
  }
  assert.equal(combinationOf(run({ combination: "dropout 0.5, seed 3" }).network, 1), "dropout");
});
