// Zoom, place in the address, axes, pictures for slides, the presentation: node --test tests/viewer/js
import assert from "node:assert/strict";
import test from "node:test";

import { lossHeight, niceTicks } from "../../../neuro_actors/viewer/js/charts.js";
import { ofSynapse, point } from "../../../neuro_actors/viewer/js/curve.js";
import { Run } from "../../../neuro_actors/viewer/js/data.js";
import { Network } from "../../../neuro_actors/viewer/js/network.js";
import { layout, MOST_IN_COLUMN } from "../../../neuro_actors/viewer/js/layout.js";
import { faultList } from "../../../neuro_actors/viewer/js/fault_list.js";
import { readPlace, writePlace } from "../../../neuro_actors/viewer/js/place.js";
import { SvgContext } from "../../../neuro_actors/viewer/js/svg_context.js";
import { talk } from "../../../neuro_actors/viewer/js/talk.js";
import { TALK_WORDS } from "../../../neuro_actors/viewer/js/talk_words.js";
import { placeNames } from "../../../neuro_actors/viewer/js/strip.js";
import { stepTicks } from "../../../neuro_actors/viewer/js/timeline.js";
import { Waves } from "../../../neuro_actors/viewer/js/waves.js";
import { placeWeights } from "../../../neuro_actors/viewer/js/weight_labels.js";
import { translator } from "../../../neuro_actors/viewer/js/words.js";
import { corner, MOST_ZOOM, pan, WHOLE, zoomAt } from "../../../neuro_actors/viewer/js/zoom.js";

const pack = (values, Kind = Float64Array) => Buffer.from(new Kind(values).buffer).toString("base64");

/** x -> h -> y and x -> y, y an output; two steps of two examples. */
function run() {
  const step = (number, mode, after) => ({
    number, mode, loss: mode === "predict" ? null : "squared_error", optimizer: "SGD(0.1)", update: null, batch: 2, examples: 2, learnedFrom: 2,
    inputs: [0, 1], odd: [], wrtInputs: false, whole: true, mean: mode === "predict" ? null : 0.5 / number, before: 0, after,
    arrays: {
      activations: pack([1, 0.5, 3, 2, 0.6, 4, 1.5, 0.55, 3.5]), signals: pack([NaN, 0.6, 3, NaN, 0.7, 4, NaN, 0.65, 3.5]),
      urgencies: pack([NaN, -4, 2, NaN, -6, 3, NaN, -5, 2.5]), slopes: pack([NaN, 0.5, 1, NaN, 0.5, 1, NaN, 0.5, 1]),
      signal_urgencies: pack([NaN, -2, 2, NaN, -3, 3, NaN, -2.5, 2.5]), targets: pack([5, 5, 5]), blame: pack([2, 3, 2.5]), losses: pack([0.4, 0.6, 0.5]),
      wants: pack([0.1, 0.2, 0.3, NaN, 0.4, 0.5]),
    },
  });
  return new Run({
    title: "run.arrows", picture: null, item: 8, functions: {}, curve: { steps: [1, 2], losses: [0.5, 0.25] }, notes: { batch: 2 },
    network: {
      ids: ["x", "h & <i>", "y"], activations: [null, "tanh", "identity"], outputs: [2], nSynapses: 3,
      level: pack([0, 1, 2], Int32Array), sources: pack([0, 1, 0], Int32Array), targets: pack([1, 2, 2], Int32Array),
    },
    versions: [
      { weights: pack([0.5, -2, 0.25]), biases: pack([0, 0.1, 0.2]) },
      { weights: pack([0.7, -2.1, 0.35]), biases: pack([0, 0.1, 0.3]) },
    ],
    steps: [step(7, "train", 1), step(8, "gradient", 0), step(9, "predict", 0)],
  });
}

const OPENING = {
  step: 0, t: 0, example: 0, follow: false, chosen: null, why: false, shape: "auto", theme: "system", language: "en", speed: 1, pace: "waves",
  digits: 4, workers: true, zoom: WHOLE, talk: null, absent: null, languageAsked: false, positions: [0],
};

test("the point under the pointer stays there, and the society stays on the stage", () => {
  const stage = { width: 800, height: 400 };
  let zoom = WHOLE;
  assert.deepEqual(corner(zoom, 800, 400), { x: 0, y: 0 });
  for (const [factor, x, y] of [[2, 100, 50], [1.5, 700, 399], [0.9, 300, 200]]) {
    const before = corner(zoom, 800, 400);
    const next = zoomAt(zoom, factor, { x, y, ...stage });
    const after = corner(next, 800, 400);
    assert.ok(Math.abs((before.x + x) / zoom.by - (after.x + x) / next.by) < 1e-9);
    assert.ok(Math.abs((before.y + y) / zoom.by - (after.y + y) / next.by) < 1e-9);
    zoom = next;
  }
  assert.equal(zoomAt(zoom, 1e9, { x: 0, y: 0, ...stage }).by, MOST_ZOOM);
  assert.deepEqual(zoomAt(zoom, 0, { x: 9, y: 9, ...stage }), WHOLE);
  assert.deepEqual(corner(pan({ by: 2, x: 0.5, y: 0.5 }, 1e6, -1e6, stage), 800, 400), { x: 0, y: 400 });
  assert.deepEqual(pan(WHOLE, 50, 50, stage), WHOLE);
});

test("zoomed in, the society is larger and the nodes are, too", () => {
  const [near, far] = [3, 1].map((by) => layout(run(), 800, 500, "nodes", 1, by));
  assert.deepEqual([near.width, near.height], [2400, 1500]);
  assert.ok(near.radius > 1.4 * far.radius);
  assert.ok(layout(run(), 800, 500, "population", 1, 3).grids[0].cell > 2 * layout(run(), 800, 500, "population").grids[0].cell);
});

test("a level is one column, up to the size at which the population view begins", () => {
  for (const n of [16, MOST_IN_COLUMN, MOST_IN_COLUMN + 1]) {
    const network = new Network({
      ids: ["x", ...Array.from({ length: n }, (_, k) => `h${k}`)], activations: [null, ...Array(n).fill("tanh")], outputs: [1], nSynapses: n,
      level: pack([0, ...Array(n).fill(1)], Int32Array), sources: pack(Array(n).fill(0), Int32Array), targets: pack(Array.from({ length: n }, (_, k) => k + 1), Int32Array),
    });
    const made = { network, picture: null, steps: [{ loss: "huber" }] };
    for (const [width, height] of [[1000, 620], [390, 330]]) {
      const l = layout(made, width, height, "auto");
      assert.equal(l.mode, n > MOST_IN_COLUMN ? "population" : "nodes");
      const nodes = layout(made, width, height, "nodes");
      assert.equal(new Set(nodes.x.slice(1)).size, 1);
      const gap = nodes.y[2] - nodes.y[1];
      assert.ok(gap > 1.9 * nodes.r[1] && nodes.y[1] > 0 && nodes.y[n] < height, `${n} ${gap} ${nodes.r[1]}`);
    }
  }
});

test("in a frame that has no size yet nothing has a negative size", () => {
  for (const [width, height] of [[0, 0], [300, 0], [0, 300], [40, 60], [120, 70]])
    for (const shape of ["auto", "nodes", "population"])
      for (const picture of [null, [1, 1]]) {
        const l = layout({ ...run(), picture }, width, height, shape);
        const sizes = [l.radius, ...l.r, ...l.columns.map(({ radius }) => radius), ...l.grids.map(({ cell }) => cell)];
        assert.ok(Math.min(...sizes) > 0, `${width} ${height} ${shape}: ${sizes}`);
      }
});

/** A dense network with so many neurons in each level, laid out. */
function dense(sizes, width, height) {
  const level = sizes.flatMap((n, k) => Array(n).fill(k));
  const pairs = level.flatMap((b, target) => level.flatMap((a, source) => (b === a + 1 ? [[source, target]] : [])));
  const network = new Network({
    ids: level.map((_, k) => `n${k}`), activations: level.map((k) => (k ? "tanh" : null)), outputs: [level.length - 1], nSynapses: pairs.length,
    level: pack(level, Int32Array), sources: pack(pairs.map(([a]) => a), Int32Array), targets: pack(pairs.map(([, b]) => b), Int32Array),
  });
  return { network, l: layout({ network, picture: null, steps: [{ loss: "huber" }] }, width, height, "nodes") };
}

test("weights lie on their own line or right beside it, and on nothing else", () => {
  for (const [sizes, width, height, least] of [[[2, 4, 1], 1050, 560, 10], [[2, 2, 2, 1], 1050, 560, 8], [[3, 4, 3, 1], 1050, 560, 6], [[2, 4, 4, 1], 1050, 560, 8], [[2, 4, 1], 390, 330, 0]]) {
    const { network, l } = dense(sizes, width, height);
    const all = [...network.sources.keys()];
    const places = placeWeights(l, network, all, () => 52, 17);
    assert.ok(places.size >= least, `${sizes}: ${places.size}`);
    const boxes = [...places].map(([s, [x, y]]) => [s, x - 26, y - 8.5, x + 26, y + 8.5]);
    for (const [s, left, top, right, bottom] of boxes) {
      const inside = ([x, y]) => x > left && x < right && y > top && y < bottom;
      for (const [other, a, b, c, d] of boxes) assert.ok(other === s || left >= c || right <= a || top >= d || bottom <= b, `${sizes}: ${s} ${other}`);
      for (const k of l.drawn) assert.ok(l.x[k] + l.r[k] <= left || l.x[k] - l.r[k] >= right || l.y[k] + l.r[k] <= top || l.y[k] - l.r[k] >= bottom, `${sizes}: ${s} on ${k}`);
      for (const other of all) {
        const c = ofSynapse(l, network, other);
        assert.ok(!inside(point(c, 0.5)), `${sizes}: ${s} on the message of ${other}`);
        if (other !== s) assert.ok(![...Array(25).keys()].some((k) => inside(point(c, k / 24))), `${sizes}: ${s} on the line of ${other}`);
      }
    }
  }
});

test("a small network has room for its names on a phone", () => {
  for (const [sizes, height] of [[[2, 4, 1], 300], [[2, 4, 4, 1], 300], [[2, 6, 1], 360], [[3, 5, 5, 2], 360]]) {
    const { network, l } = dense(sizes, 390, height);
    for (const k of network.ids.keys()) {
      const column = l.columns[network.level[k]];
      assert.ok(l.r[k] >= 20 || column.spacing >= 2 * l.r[k] + 12 + 18, `${sizes}: ${column.spacing} ${l.r[k]}`);
      assert.ok(l.r[k] >= 5);
    }
  }
});

test("the name of a wave is in its part of the strip, or below it where it meets no other", () => {
  const parts = [[0, 40, 45], [40, 160, 50], [160, 200, 50], [200, 240, 110], [240, 320, 40], [320, 360, 90]]
    .map(([start, end, wide]) => ({ start, end, wide, fits: wide < end - start }));
  const places = placeNames(parts, 360);
  assert.deepEqual(places.map(({ row }) => row), [0, -1, 0, 1, -1, 0]);
  places.forEach(({ row, left }, k) => {
    const { start, end, wide } = parts[k];
    assert.ok(left >= 0 && (row < 0 || left + wide <= 360) && left < end && left + wide > start);
    places.forEach((other, j) => {
      if (j !== k && row >= 0 && other.row === row) assert.ok(left + wide < other.left || other.left + parts[j].wide < left);
    });
  });
});

test("an address leads back to its place", () => {
  const made = run();
  assert.equal(writePlace(OPENING, OPENING, made), "");
  assert.deepEqual(readPlace("", OPENING, made), OPENING);
  const places = [
    { step: 1, t: 3.5, example: -1, follow: true, chosen: { kind: "neuron", k: 1 }, why: true },
    { chosen: { kind: "synapse", k: 2 }, shape: "population", theme: "dark", language: "fr", languageAsked: true, digits: 17, pace: "steps", speed: 0.25 },
    { chosen: { kind: "loss" }, workers: false, zoom: { by: 2.5, x: 0.25, y: 0.75 }, example: 1, follow: true, talk: 4 },
  ];
  for (const place of places) {
    const text = writePlace({ ...OPENING, ...place }, OPENING, made);
    assert.deepEqual(readPlace(`#${text}`, OPENING, made), { ...OPENING, ...place }, text);
  }
  assert.equal(writePlace({ ...OPENING, ...places[0] }, OPENING, made), "step=8&wave=3.5&example=mean&neuron=h+%26+%3Ci%3E&why=1");
});

test("what is wrong in an address is ignored", () => {
  for (const wrong of [
    "#", "#=&&=", "#step=7.5", "#step=-1&wave=-2", "#step=NaN&wave=Infinity", "#example=0", "#example=3", "#example=1.5", "#neuron=nobody", "#from=x&to=x", "#from=x",
    "#why=1", "#view=cube&colours=red&language=de", "#speed=1000&digits=5&by=chance", "#zoom=2", "#zoom=0.5,0,0", "#zoom=99,0,0", "#zoom=2,5,0", "#zoom=2,0,0,0",
    "#talk=0", "#talk=-3", "#%", "#__proto__=1", `#neuron=${"<script>"}`,
  ])
    assert.deepEqual(readPlace(wrong, OPENING, run()), OPENING, wrong);
});

test("a language that was asked for stays in the address, and is called lang as well", () => {
  const french = { ...OPENING, language: "fr" }; // as the browser is
  for (const text of ["#language=fr", "#lang=fr"]) {
    assert.equal(readPlace(text, OPENING, run()).language, "fr");
    assert.equal(writePlace(readPlace(text, french, run()), french, run()), "language=fr");
  }
  assert.equal(writePlace(french, french, run()), "");
});

test("for a step that the page does not have it shows the nearest, and says so", () => {
  const [before, after] = ["#step=3", "#step=200"].map((text) => readPlace(text, OPENING, run()));
  assert.deepEqual([before.step, before.absent], [0, { asked: 3, step: 0 }]);
  assert.deepEqual([after.step, after.absent], [2, { asked: 200, step: 2 }]);
  assert.equal(readPlace("#step=8", OPENING, run()).absent, null);
});

test("round numbers on the axes", () => {
  assert.deepEqual(niceTicks(0.71, 3), [0, 0.2, 0.4, 0.6]);
  assert.deepEqual(niceTicks(2.4, 3), [0, 1, 2]);
  assert.deepEqual(niceTicks(1000, 3), [0, 500, 1000]);
  assert.deepEqual([niceTicks(0, 3), niceTicks(Infinity, 3), niceTicks(NaN, 3)], [[0], [0], [0]]);
  for (const high of [1e-300, 3e-9, 0.7, 12, 9.99e5, 1.7e308]) assert.ok(niceTicks(high, 3).length >= 2 && niceTicks(high, 3).length <= 5, String(high));
  const y = lossHeight([4, 1]);
  assert.ok(y(0) > y(1) && y(1) > y(4) && y(4) > 0 && y(0) < 100);
  const numbers = Array.from({ length: 60 }, (_, k) => k + 1);
  assert.deepEqual(stepTicks(numbers, 6).map(([n]) => n), [1, 10, 20, 30, 40, 50, 60]);
  assert.deepEqual(stepTicks(numbers, 6)[6][1], 1);
  assert.deepEqual(stepTicks([5], 6), [[5, 0.5]]);
});

test("a drawing context that writes SVG", () => {
  const ctx = new SvgContext(100, 50);
  ctx.save();
  ctx.translate(10, 20);
  ctx.rotate(Math.PI / 2);
  ctx.beginPath();
  ctx.moveTo(0, 0);
  ctx.bezierCurveTo(1, 2, 3, 4, 5, 6);
  ctx.setLineDash([3, 2]);
  ctx.strokeStyle = "rgba(1,2,3,0.5)";
  ctx.stroke();
  ctx.restore();
  ctx.beginPath();
  ctx.arc(5, 5, 2, 0, 2 * Math.PI);
  ctx.fill();
  ctx.font = "600 14px A, \"B\"";
  ctx.textAlign = "center";
  ctx.fillText("<a & b>\u0001", 1, 2);
  ctx.roundRect(0, 0, 9, 9, 2);
  ctx.fillRect(0, 0, 5, 5);
  const text = ctx.text();
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="100" height="50"/);
  assert.match(text, /<g transform="translate\(10 20\)">\n<g transform="rotate\(90\)">\n<path d="M0 0C1 2 3 4 5 6" fill="none" stroke="rgba\(1,2,3,0.5\)" stroke-width="1" stroke-dasharray="3 2"\/>\n<\/g><\/g>/);
  assert.match(text, /font-size="14" font-weight="600" text-anchor="middle"[^>]*>&#60;a &#38; b&#62;\ufffd<\/text>/);
  assert.equal((text.match(/<g /g) ?? []).length, (text.match(/<\/g>/g) ?? []).length);
});

test("the presentation says what happens, why, so what, with the numbers of the log", () => {
  const made = run();
  const of = (step, example, language) => talk(made, new Waves(made.network, made.steps[step]), { step, example, language });
  const lines = of(0, 0, "en").map((moment) => moment.lines);
  assert.deepEqual(lines[0], ["The environment sends the inputs: x = 1.", "They are one example. The network shall learn to answer 5.", "An input knows its own number, and nothing else."]);
  assert.deepEqual(lines[1].slice(0, 2), ["h & <i> adds up what it receives, each times its weight, and its bias: z = +0.6.", "Its function is tanh: a = f(z) = +0.5."]);
  assert.equal(lines[2][2], "y is an output: +3 is what the network answers.");
  assert.deepEqual(lines[3].slice(0, 2), ["y answers 3. The target is 5.", "The loss says how wrong that is: 0.4."]);
  assert.deepEqual(lines[4], ["The loss sends y the urgency +2.", "If y rose a little, the loss would fall by 2 times as much: u = −∂L/∂a.", "So y should rise."]);
  assert.deepEqual(lines[5], ["y sends h & <i> the urgency w · v = −2 × 2 = −4.", "v is its urgency times the slope of its function: 2 × 1 = +2. And w is how much y listens to h & <i>.", "So for y, the activation of h & <i> should fall. h & <i> adds up all urgencies that it receives."]);
  assert.equal(lines[6][0], "The weight x → h & <i> changes from 0.5 to 0.7.");
  assert.equal(lines[6][1], "This example alone wants v · x = −2, but the mean of the 2 examples is +0.1. The weight learns from the mean: it rises.");
  assert.equal(lines[6][2], "Each neuron changed its own weights. The next step has the same examples: their mean loss goes from 0.07143 to 0.0625.");
  const times = of(0, 0, "en").map((moment) => moment.t);
  assert.deepEqual(times, [...times].sort((a, b) => a - b));
  assert.deepEqual(lines[7], ["The step is over: every neuron has its urgency, and has learned from it.", "Each neuron used its own numbers and the messages that it received, and nothing else.", "Space goes on to the next step."]);
  assert.equal(of(1, 0, "en").length, 7);
  assert.equal(of(2, 0, "fr").at(-2).lines[0], "y répond 3.");
  assert.equal(of(2, 0, "fr").at(-1).lines[2], "C’était la dernière étape\u00a0: fin.");
  assert.match(of(0, -1, "en")[1].lines[1], /On the mean of the batch, that gives \+0.55\./);
  for (const [step, example] of [[0, 0], [0, -1], [1, 1], [2, 0]])
    for (const language of ["en", "fr"])
      for (const { lines: three } of of(step, example, language)) {
        assert.equal(three.length, 3);
        for (const line of three) assert.ok(line && !/undefined|NaN|\{|null/.test(line), line);
      }
});

test("the sentence on learning tells the example's urgency from the mean's, and the change from both", () => {
  const last = (change, language = "en", example = 0) => {
    const made = run();
    change(made);
    const moments = talk(made, new Waves(made.network, made.steps[0]), { step: 0, example, language });
    return moments.at(-2).lines.slice(1);
  };
  const wants = (value) => (made) => { made.steps[0].arrays.wants = pack([value, 0, 0, NaN, 0, 0]); };
  assert.match(last(wants(0.1))[0], /^This example alone wants v · x = −2, but the mean of the 2 examples is \+0\.1\. .*: it rises\.$/);
  assert.match(last(wants(0.1), "en", 1)[0], /^This example alone wants v · x = −4?\.?\d*, but/);
  const falls = (made) => { wants(-0.1)(made); made.raw.versions[1].weights = pack([0.3, -2, 0.25]); };
  assert.match(last(falls)[0], /^This example alone wants v · x = −2; the mean of the 2 examples is −0\.1\. .*: it falls\.$/);
  assert.match(last(falls, "en", -1)[0], /^Its urgency is the mean of v · x over the 2 examples: −0\.1\. The loss falls if the weight falls\.$/);
  assert.match(last(wants(-0.1))[0], /^Its urgency in this step is −0\.1, yet the weight rises: the optimizer SGD\(0\.1\)/);
  assert.match(last(wants(NaN))[0], /^The optimizer SGD\(0\.1\) made the change/);
  const others = (made) => { made.steps[1].inputs = [0, 2]; };
  assert.match(last(others)[1], /The next step has examples of its own, with the mean loss 0\.0625\.$/);
  assert.match(last((made) => { made.steps.length = 1; })[1], /The mean loss of the step was 0\.07143\.$/);
});

/** x -> eyes; eyes -> head and body; head and body -> cat: what a child of two followers receives. */
function diamond() {
  const [one, none] = [(values) => pack(values), NaN];
  return new Run({
    title: "cat.arrows", picture: null, item: 8, functions: {}, curve: { steps: [1], losses: [0.5] }, notes: {},
    network: {
      ids: ["x", "eyes", "head", "body", "cat"], activations: [null, "identity", "identity", "identity", "identity"], outputs: [4], nSynapses: 5,
      level: pack([0, 1, 2, 2, 3], Int32Array), sources: pack([0, 1, 1, 2, 3], Int32Array), targets: pack([1, 2, 3, 4, 4], Int32Array),
    },
    versions: [{ weights: one([1, 1.5, -0.5, 0.75, 0.25]), biases: one([0, 0, 0, 0, 0]) }],
    steps: [{
      number: 1, mode: "gradient", loss: "squared_error", optimizer: null, update: null, batch: 1, examples: 1, learnedFrom: 1,
      inputs: [0], odd: [], wrtInputs: false, whole: true, mean: 0.5, before: 0, after: 0,
      arrays: {
        activations: one([1, 1, 1.5, -0.5, 1]), signals: one([none, 1, 1.5, -0.5, 1]), urgencies: one([none, 0.8, 0.6, 0.2, 0.8]),
        slopes: one([none, 1, 1, 1, 1]), signal_urgencies: one([none, 0.8, 0.6, 0.2, 0.8]), targets: one([1.8]), blame: one([0.8]), losses: one([0.32]),
      },
    }],
  });
}

test("the presentation says each level of the way back, the addition of several followers, and an end", () => {
  const made = diamond();
  const waves = new Waves(made.network, made.steps[0]);
  const of = (language) => talk(made, waves, { step: 0, example: 0, language });
  const [blame, first, second, end] = of("en").slice(-4);
  assert.match(blame.lines[0], /^The loss sends cat/);
  assert.equal(first.lines[0], "cat sends head the urgency w · v = 0.75 × 0.8 = +0.6.");
  assert.deepEqual(second.lines, ["eyes receives +0.9 from head and −0.1 from body: together u = +0.8.", "Each follower sends w · v, for example head: 1.5 × 0.6 = +0.9. eyes adds up what it receives.", "So eyes should rise."]);
  assert.equal(of("fr").at(-2).lines[0], "eyes reçoit +0.9 de head et −0.1 de body\u00a0: en tout, u = +0.8.");
  assert.equal(of("fr").at(-1).lines[2], "C’était la dernière étape\u00a0: fin.");
  assert.deepEqual([first.t, second.t, end.t].map(Math.ceil), [7, 8, waves.count]); // the wave that each speaks of
  made.network.nSynapses = 9; // the page does not have all of them
  assert.equal(of("en").at(-2).lines[0], "eyes receives the urgencies of all its followers, the greatest from head: +0.9. Together: u = +0.8.");
});

test("a message between two levels has room for its number, also on the screen of a projector", () => {
  const made = diamond();
  for (const width of [860, 900, 1060, 1400]) {
    const l = layout(made, width, 360, "nodes");
    const c = ofSynapse(l, made.network, 1);
    assert.ok(l.r[1] >= 20, `no text in neurons: ${l.r[1]}`);
    assert.ok(c[6] - c[0] > 100, `${width}: ${c[6] - c[0]}`); // as messages.js asks
  }
});

/** x -> a -> b -> c -> d, with the output of d as a logit. */
function chain() {
  const one = (values) => pack(values);
  const signals = [NaN, 1, 1, 1, 2];
  return new Run({
    title: "chain.arrows", picture: null, item: 8, functions: {}, curve: { steps: [1], losses: [0.1] }, notes: {}, losses: { sigmoid_cross_entropy: {}, softmax_cross_entropy: {} },
    network: {
      ids: ["x", "a", "b", "c", "d"], activations: [null, ...Array(4).fill("identity")], outputs: [4], nSynapses: 4,
      level: pack([0, 1, 2, 3, 4], Int32Array), sources: pack([0, 1, 2, 3], Int32Array), targets: pack([1, 2, 3, 4], Int32Array),
    },
    versions: [{ weights: one([1, 1, 1, 2]), biases: one([0, 0, 0, 0, 0]) }],
    steps: [{
      number: 1, mode: "gradient", loss: "sigmoid_cross_entropy", optimizer: null, update: null, batch: 1, examples: 1, learnedFrom: 1,
      inputs: [0], odd: [], wrtInputs: false, whole: true, mean: 0.127, before: 0, after: 0,
      arrays: {
        activations: one([1, 1, 1, 1, 2]), signals: one(signals), urgencies: one([NaN, 0.2, 0.2, 0.2, 0.1]),
        slopes: one([NaN, 1, 1, 1, 1]), signal_urgencies: one([NaN, 0.2, 0.2, 0.2, 0.1]), targets: one([1]), blame: one([0.1192]), losses: one([0.127]),
      },
    }],
  });
}

test("the presentation says each level of the way forward, and of a logit its probability", () => {
  const made = chain();
  const of = (language, example = 0) => talk(made, new Waves(made.network, made.steps[0]), { step: 0, example, language });
  const whats = of("en").map((moment) => moment.lines[0]);
  assert.deepEqual(whats.slice(1, 5).map((line) => line.split(" ")[0]), ["a", "b", "c", "d"]);
  assert.equal(of("en")[4].lines[2], "d is an output: it answers +2. That is a logit: 0 means “I do not know”. As a probability: 0.8808.");
  assert.equal(of("en")[5].lines[0], "d answers 2, a probability of 0.8808. The target is 1.");
  assert.equal(of("fr")[5].lines[0], "d répond 2, soit une probabilité de 0.8808. La cible est 1.");
  made.steps[0].loss = "softmax_cross_entropy"; // of one class: sure
  assert.match(of("en")[5].lines[0], /a probability of 1\. /);
  delete made.raw.losses.softmax_cross_entropy; // a user's own loss of that name
  assert.equal(of("en")[5].lines[0], "d answers 2. The target is 1.");
});

test("the sentence on learning names momentum, Adam and weight decay, and says why the loss rose", () => {
  const lines = (update, language = "en", change = () => {}) => {
    const made = run();
    made.steps[0].update = { rate: 0.5, count: 29, ...update };
    change(made);
    return talk(made, new Waves(made.network, made.steps[0]), { step: 0, example: 0, language }).at(-2).lines;
  };
  const momentum = { name: "SGD", momentum: 0.9, weight_decay: 0 };
  assert.equal(lines(momentum)[1], "The neuron learns from the mean of this weight’s urgencies over the 2 examples: +0.1. Momentum adds what remains of the changes before.");
  assert.match(lines(momentum, "fr")[1], /^Le neurone apprend de la moyenne des urgences de ce poids sur les 2 exemples\u00a0: \+0.1\. L’inertie y ajoute ce qui reste des changements précédents\.$/);
  assert.match(lines({ ...momentum, count: 1 })[1], /^This example alone/); // nothing remains before the first
  assert.match(lines({ name: "Adam", weight_decay: 0 })[1], /\+0\.1\. Adam averages it .* learning rate\.$/);
  assert.match(lines({ name: "SGD", momentum: 0, weight_decay: 0.1 })[1], /\+0\.1\. Weight decay also pulls/);
  const rises = (made) => { made.steps[1].mean = 0.9; };
  assert.match(lines(momentum, "en", rises)[2], /from 0\.07143 to 0\.9\. It rose: .* too large here, or the changes before/);
  assert.match(lines({ name: "SGD", momentum: 0, weight_decay: 0 }, "en", rises)[2], /It rose: the learning rate was too large here\.$/);
  assert.match(lines({}, "fr", rises)[2], /Elle a augmenté/);
  assert.doesNotMatch(lines(momentum)[2], /rose/);
});

test("a function is a word of the language, and a slope a number", () => {
  const made = run();
  made.network.activations[1] = "sigmoid";
  const of = (language) => talk(made, new Waves(made.network, made.steps[0]), { step: 0, example: 0, language }).flatMap((moment) => moment.lines);
  assert.ok(of("fr").includes("Sa fonction est la sigmoïde\u00a0: a = f(z) = +0.5."), of("fr").join("\n"));
  assert.ok(of("en").includes("Its function is the sigmoid: a = f(z) = +0.5."));
  assert.ok(of("fr").some((line) => line.includes("pente de sa fonction\u00a0: 2 × 1 = +2.")));
});

test("both languages have every sentence", () => {
  const braces = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  assert.deepEqual(Object.keys(TALK_WORDS.en).sort(), Object.keys(TALK_WORDS.fr).sort());
  for (const key of Object.keys(TALK_WORDS.en))
    assert.deepEqual([...new Set(braces(TALK_WORDS.en[key]).split(","))], [...new Set(braces(TALK_WORDS.fr[key]).split(","))], key);
});

test("a lost message to an input that gets no urgency is an acknowledgement, at a virtual time", () => {
  const element = () => ({ text: "", setAttribute() {}, append(...all) { this.text += all.map((one) => one.text ?? one).join(""); }, set textContent(text) { this.text = text; }, cloneNode() { return this; } });
  globalThis.document = { createElement: element };
  globalThis.Node = Object;
  const made = run();
  const lines = (wrtInputs, language) => {
    const waves = new Waves(made.network, { mode: "train", wrtInputs });
    const faults = { crashes: [], delivery: (route) => (route === "backward" ? { lost: [42.575], arrived: 43 } : undefined) };
    return faultList({ scene: { network: made.network, say: translator(language), faults, waves } }, [0]).text;
  };
  assert.match(lines(false, "en"), /acknowledgement h & <i> → x: lost at 42\.575\u00a0virtual s; the one sent at 43\.000\u00a0virtual s arrived/);
  assert.match(lines(false, "fr"), /accusé de réception h & <i> → x\u00a0: perdu à 42,575\u00a0s virtuelles/);
  assert.match(lines(true, "en"), /urgency h & <i> → x: lost at/);
  delete globalThis.document;
  delete globalThis.Node;
});
