// Which worker runs which neuron, in words and on the map: node --test tests/viewer/js
import assert from "node:assert/strict";
import test from "node:test";

import { Network } from "../../../neuro_actors/viewer/js/network.js";
import { describePlace, Placement, describeShare } from "../../../neuro_actors/viewer/js/placement.js";
import { borders, gatePoint, makeAreas } from "../../../neuro_actors/viewer/js/areas.js";
import { curve } from "../../../neuro_actors/viewer/js/curve.js";
import { layout } from "../../../neuro_actors/viewer/js/layout.js";
import { translator } from "../../../neuro_actors/viewer/js/words.js";

const pack = (values) => Buffer.from(new Int32Array(values).buffer).toString("base64");

/** x and y -> a, b, c -> d, an output: six neurons in three levels. */
function run(shard, replicas = 2) {
  const [sources, targets] = [[0, 0, 1, 1, 2, 3, 4], [2, 3, 3, 4, 5, 5, 5]];
  const network = new Network({
    ids: ["x", "y", "a", "b", "c", "d"], activations: [null, null, "tanh", "tanh", "tanh", "tanh"], outputs: [5], nSynapses: 7,
    level: pack([0, 0, 1, 1, 1, 2]), sources: pack(sources), targets: pack(targets),
  });
  const placement = new Placement({ replicas, shards: Math.max(...shard) + 1, shard: pack(shard) }, network);
  return { network, placement, run: { network, picture: null, steps: [{ loss: "huber" }] } };
}

test("who lives where, and what crosses", () => {
  const { placement } = run([0, 0, 0, 0, 1, 1]);
  assert.deepEqual([placement.worker({ replica: 0 }, 0), placement.worker({ replica: 1 }, 0), placement.worker({ replica: 1 }, 5)], [0, 2, 3]);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].filter((s) => placement.crosses(s)), [3, 4, 5]);
  assert.deepEqual([placement.crossing, placement.sizes], [3, [4, 2]]);
});

test("in words", () => {
  const say = translator("en");
  const two = run([0, 0, 0, 0, 1, 1]).placement;
  assert.equal(describePlace(say, two, { replica: 1 }, 0), "runs on worker 2 (replica 1, shard 0); its other replica runs on worker 0");
  assert.equal(describePlace(say, run([0, 0, 0, 0, 1, 1], 1).placement, { replica: 0 }, 5), "runs on worker 1 (replica 0, shard 1)");
  assert.equal(describePlace(say, run([0, 0, 0, 0, 1, 1], 3).placement, { replica: 1 }, 5), "runs on worker 3 (replica 1, shard 1); its other replicas run on workers 1, 5");
  assert.match(describePlace(say, run([0, 0, 0, 0, 1, 1], 9).placement, { replica: 0 }, 0), /workers 2, 4, 6, 8, 10, 12, …$/);
  assert.equal(describeShare(say, two, { microBatch: [3, 8], replica: 1 }), "micro-batch 3 of 8, on replica 1");
  assert.equal(describeShare(say, two, { replica: 0 }), "on replica 0");
  assert.equal(describeShare(say, run([0, 0, 0, 0, 1, 1], 1).placement, { microBatch: [3, 8], replica: 0 }), "micro-batch 3 of 8");
  assert.deepEqual([describeShare(say, null, { microBatch: [3, 8] }), describeShare(say, null, {})], ["micro-batch 3 of 8", ""]);
});

/** Whose ground a point is. */
const owner = (ground, x, y) => ground.filter((one) => x >= one.left && x < one.right && y >= one.top && y < one.bottom).map((one) => one.shard);

test("every neuron stands on its own worker's ground, in either view", () => {
  for (const shard of [[0, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0], [2, 0, 1, 0, 2, 0]]) {
    for (const shape of ["nodes", "population"]) {
      const made = run(shard);
      const l = layout(made.run, 900, 600, shape);
      const ground = makeAreas(l, made.run, made.placement);
      // fields of the population view are one column wide here, so each row has one shard
      shard.forEach((own, k) => assert.deepEqual(owner(ground, l.x[k], l.y[k]), [own], `${shard} ${shape} ${k}`));
      const right = Math.max(...ground.map((one) => one.right));
      for (let x = 1; x < right; x += 37) for (let y = 1; y < 600; y += 41) assert.equal(owner(ground, x, y).length, 1);
    }
  }
});

test("the border runs where the shard changes, and nowhere else", () => {
  const along = (shard) => {
    const made = run(shard);
    return borders(makeAreas(layout(made.run, 900, 600, "nodes"), made.run, made.placement));
  };
  assert.deepEqual(along([0, 0, 0, 0, 0, 0]), []);
  const straight = along([0, 0, 1, 1, 1, 1]);
  assert.deepEqual(straight.map(([x1, y1, x2, y2]) => [x1 === x2, y1, y2]), [[true, 0, 600]]);
  const [stepped, ways] = [along([0, 0, 0, 0, 1, 1]), []];
  for (const [x1, , x2] of stepped) ways.push(x1 === x2 ? "|" : "-");
  assert.deepEqual(ways.sort(), ["-", "|", "|"]);
});

test("a gate stands on the border", () => {
  const ground = [{ shard: 0, column: 0, left: 0, right: 100, top: 0, bottom: 100 }, { shard: 1, column: 1, left: 100, right: 200, top: 0, bottom: 100 }];
  for (const [y1, y2] of [[50, 50], [10, 90], [90, 20]]) {
    const [x, y] = gatePoint(ground, curve(30, y1, 190, y2), 0);
    assert.ok(Math.abs(x - 100) < 0.1 && y > 0 && y < 100);
  }
  assert.deepEqual(gatePoint(ground, curve(10, 50, 90, 50), 0), [50, 50]); // it never leaves: half way
});
