// Positions in pictures, pairs, receptive fields, ticks, layers' names: node --test tests/viewer/js
import assert from "node:assert/strict";
import test from "node:test";

import { areShares, arrange, beside, fit, positionAt, positionName } from "../../../neuro_actors/viewer/js/arrangement.js";
import { arrangementOf, headsOf } from "../../../neuro_actors/viewer/js/attention.js";
import { findLayers, lastName } from "../../../neuro_actors/viewer/js/layer_names.js";
import { layout } from "../../../neuro_actors/viewer/js/layout.js";
import { cellBox, mapBox } from "../../../neuro_actors/viewer/js/maps.js";
import { Network } from "../../../neuro_actors/viewer/js/network.js";
import { combinationSign, SIDE } from "../../../neuro_actors/viewer/js/node_shapes.js";
import { findPairs } from "../../../neuro_actors/viewer/js/pairs.js";
import { receptiveField } from "../../../neuro_actors/viewer/js/receptive_field.js";
import { findSequences, samePlace } from "../../../neuro_actors/viewer/js/ticks.js";

const pack = (values) => Buffer.from(new Int32Array(values).buffer).toString("base64");

/** A network by its members: [id, sources, grid, combination, field]; its levels follow from them. */
function network(members, grids = [[]], fields = []) {
  const ids = members.map(([id]) => id);
  const level = [];
  for (const [, sources] of members) level.push(sources.length ? 1 + Math.max(...sources.map((id) => level[ids.indexOf(id)])) : 0);
  const ends = members.flatMap(([, sources], k) => sources.map((id) => [ids.indexOf(id), k]));
  return new Network({
    ids, activations: members.map(([, sources]) => (sources.length ? "identity" : null)), outputs: [ids.length - 1], nSynapses: ends.length,
    level: pack(level), sources: pack(ends.map(([a]) => a)), targets: pack(ends.map(([, b]) => b)),
    grids, grid: pack(members.map(([, , grid = 0]) => grid)),
    interneurons: members.flatMap(([, , , combination, field = -1], k) => (combination ? [[k, combination, field]] : [])),
    fields: fields.map((field) => ({ name: "", ...field, positions: pack(field.positions) })),
  });
}

/** Attention of three tokens with one head, causal; "look" is multiplied by the values at the keys. */
function attention() {
  const [query, key] = [[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]];
  const fields = [
    { sources: 0, grid: 1, width: 1, positions: query },
    { sources: 0, grid: 1, width: 1, positions: key },
    { sources: 1, grid: 0, width: 3, positions: [0, -1, -1, 1, 2, -1, 3, 4, 5] },
  ];
  return network([
    ["x", []], ["ask", ["x"]], ["reply", ["x"]], ["reply there", ["reply"], 1, "sum", 1], ["ask there", ["ask"], 1, "sum", 0],
    ["match", ["ask there", "reply there"], 1, "product"], ["look", ["match"], 1], ["x there", ["x"], 1, "sum", 1],
    ["left", ["look"], 1, "dropout 0.5"], ["part", ["left", "x there"], 1, "product"], ["all", ["part"], 0, "sum", 2],
  ], [[3], [6]], fields);
}

test("tokens lie in a row, pixels in rows, and pairs in a matrix", () => {
  const row = arrange([4]);
  assert.deepEqual([row.rows, row.columns, [...row.at]], [1, 4, [0, 1, 2, 3]]);
  const one = arrange([]);
  assert.deepEqual([one.rows, one.columns, [...one.at]], [1, 1, [0]]);
  const pixels = arrange([2, 3]);
  assert.deepEqual([[...pixels.row], [...pixels.column]], [[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]);
  const deep = arrange([2, 2, 3]);
  assert.deepEqual([deep.rows, deep.columns, deep.row[9], deep.column[11]], [4, 3, 3, 2]);
  assert.deepEqual([positionName(row, 2), positionName(pixels, 5)], ["2", "(1, 2)"]);
});

test("a causal matrix has an empty half, which neither a key nor a click enters", () => {
  const society = attention();
  const a = arrangementOf(society, society.ids.indexOf("look"));
  assert.ok(a.pairs);
  assert.deepEqual([a.rows, a.columns, [...a.at]], [3, 3, [0, -1, -1, 1, 2, -1, 3, 4, 5]]);
  assert.equal(positionName(a, 4), "2 → 1");
  assert.equal(beside(a, 4, -1, 0), 2);
  assert.equal(beside(a, 2, -1, 0), 2); // the first query asks no second token
  assert.equal(beside(a, 0, 0, -1), 0);
  assert.equal(positionAt(a, 0.5, 0.9), 4);
  assert.equal(positionAt(a, 0.9, 0.1), -1);
  assert.equal(positionAt(a, 1, 0.5), -1);
});

test("shares are not negative, and each row adds up to 1", () => {
  const a = arrangementOf(attention(), 6);
  assert.ok(areShares(a, [1, 0.25, 0.75, 0.1, 0.2, 0.7]));
  assert.ok(!areShares(a, [1, 0.25, 0.75, 0.1, 0.2, 0.6]));
  assert.ok(!areShares(a, [1, -0.25, 1.25, 0.1, 0.2, 0.7]));
  assert.ok(!areShares(a, [NaN, 0.25, 0.75, 0.1, 0.2, 0.7]));
});

test("attention is found by its fields alone", () => {
  const society = attention();
  assert.deepEqual(headsOf(society).map((k) => society.ids[k]), ["look"]);
  assert.deepEqual([...findPairs(society).keys()], [1]);
});

test("a convolution has no pairs", () => {
  const taps = [-1, 0, 1].map((by) => ({ sources: 0, grid: 0, width: 1, positions: [0, 1, 2, 3].map((p) => (p + by >= 0 && p + by < 4 ? p + by : -1)) }));
  const pool = { sources: 0, grid: 1, width: 2, positions: [0, 1, 2, 3] };
  const society = network([
    ["x", []], ["before", ["x"], 0, "sum", 0], ["here", ["x"], 0, "sum", 1], ["behind", ["x"], 0, "sum", 2],
    ["conv", ["before", "here", "behind"]], ["pool", ["conv"], 1, "max", 3],
  ], [[4], [2]], [...taps, pool]);
  assert.equal(findPairs(society).size, 0);
  assert.deepEqual(headsOf(society), []);
  const reach = (id, p) => Object.fromEntries([...receptiveField(society, society.ids.indexOf(id), p)].map(([k, set]) => [society.ids[k], [...set].sort()]));
  assert.deepEqual(reach("conv", 2), { before: [2], here: [2], behind: [2], x: [1, 2, 3] });
  assert.deepEqual(reach("conv", 0).x, [0, 1]);
  assert.deepEqual(reach("pool", 1), { conv: [2, 3] }); // conv computes: behind it is another neuron's field
});

test("a map is inside its node, and its cells fill it", () => {
  for (const shape of [[5], [3, 4], [4, 3], [28, 28]]) {
    const a = arrange(shape);
    const box = mapBox(a, 100, 50, 40);
    assert.ok(box.w <= 40 && box.h <= 40 && Math.max(box.w, box.h) === 40 && Math.min(box.w, box.h) >= 20);
    assert.deepEqual([box.x + box.w / 2, box.y + box.h / 2], [100, 50]);
    const cells = [...a.row.keys()].map((p) => cellBox(a, box, p));
    const area = cells.reduce((sum, { w, h }) => sum + w * h, 0);
    assert.ok(Math.abs(area - box.w * box.h) < 1e-6);
    for (const { x, y, w, h } of cells) assert.ok(x >= box.x - 1e-9 && x + w <= box.x + box.w + 1e-9 && y >= box.y - 1e-9 && y + h <= box.y + box.h + 1e-9);
  }
  assert.deepEqual(fit(arrange([2, 4]), 100, 100), { cell: 25, width: 100, height: 50 });
});

test("nodes with maps are larger, interneurons smaller, and none touches another one", () => {
  const society = network([["x", []], ...[0, 1, 2].map((k) => [`conv.${k}`, ["x"]]), ["sum", ["conv.0", "conv.1", "conv.2"], 0, "sum"]], [[6, 6]]);
  const l = layout({ network: society, picture: null, steps: [{ loss: "huber" }] }, 1000, 620, "nodes");
  assert.ok(l.r[1] > 20);
  assert.ok(l.r[4] < l.r[1]);
  assert.ok(l.y[2] - l.y[1] > SIDE * l.r[1] + 20);
  assert.deepEqual(["sum", "product", "max", "logsumexp", "dropout 0.1"].map(combinationSign), ["+", "×", "max", "lse", "drop"]);
});

test("levels have the names of their layers, in two rows", () => {
  const society = network([
    ["x0", []], ["x1", []], ["a.norm.mean", ["x0", "x1"]], ["a.norm.0", ["a.norm.mean"]], ["a.head0.key0", ["a.norm.0"]], ["a.head1.key0", ["a.norm.0"]],
    ["a.out.0", ["a.head0.key0", "a.head1.key0"]], ["y.0", ["a.out.0"]],
  ]);
  assert.deepEqual(findLayers(society), [
    [{ name: "x", first: 0, last: 0 }, { name: "a", first: 1, last: 4 }, { name: "y", first: 5, last: 5 }],
    [{ name: "norm", first: 1, last: 2 }, { name: "head", first: 3, last: 3 }, { name: "out", first: 4, last: 4 }],
  ]);
  assert.deepEqual(findLayers(network([["x", []], ["h", ["x"]], ["y", ["h"]]])), []);
  assert.deepEqual(["block.head0.query1", "conv.0", "x"].map(lastName), ["query1", "conv.0", "x"]);
});

test("the ticks of a sequence are one after the other, forward and then back", () => {
  const round = (first, at, back) => ({ tick: [at, 2], back, sequence: first });
  const steps = [round(1, 1, false), round(1, 2, false), round(1, 2, true), round(1, 1, true), {}, round(6, 1, false), round(6, 2, false)];
  const found = findSequences(steps);
  assert.deepEqual(found[3], { ticks: 2, forward: [0, 1], back: [3, 2], order: [0, 1, 2, 3] });
  assert.equal(found[0], found[3]);
  assert.equal(found[4], null);
  assert.deepEqual(found[6], { ticks: 2, forward: [5, 6], back: [-1, -1], order: [5, 6] });
  assert.deepEqual([samePlace(found, 1, 1), samePlace(found, 3, 1), samePlace(found, 5, -1), samePlace(found, 0, -1), samePlace(found, 4, 1)], [6, 6, 0, 0, 4]);
});
