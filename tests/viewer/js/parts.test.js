// The page's script, part by part: node --test tests/viewer/js
import assert from "node:assert/strict";
import test from "node:test";

import { functionChart, lossCurve, niceTicks, overSteps } from "../../../neuro_actors/viewer/js/charts.js";
import { fill, on, strength } from "../../../neuro_actors/viewer/js/colours.js";
import { angle, curve, distance, point } from "../../../neuro_actors/viewer/js/curve.js";
import { Run } from "../../../neuro_actors/viewer/js/data.js";
import { neuronHistory, synapseHistory } from "../../../neuro_actors/viewer/js/histories.js";
import { Network } from "../../../neuro_actors/viewer/js/network.js";
import { findLit } from "../../../neuro_actors/viewer/js/focus.js";
import { plain } from "../../../neuro_actors/viewer/js/labels.js";
import { layout } from "../../../neuro_actors/viewer/js/layout.js";
import { count, fine, rounded, short, shown, signed, style } from "../../../neuro_actors/viewer/js/numbers.js";
import { floatAt, floats } from "../../../neuro_actors/viewer/js/packed.js";
import { changeOf } from "../../../neuro_actors/viewer/js/learn_panel.js";
import { term, update, written } from "../../../neuro_actors/viewer/js/update.js";
import { crossAlpha, lostAndAgain } from "../../../neuro_actors/viewer/js/fault_marks.js";
import { crashWave, describeFaults, StepFaults } from "../../../neuro_actors/viewer/js/faults.js";
import { currentWave, Waves } from "../../../neuro_actors/viewer/js/waves.js";
import { share } from "../../../neuro_actors/viewer/js/pictures.js";
import { reason } from "../../../neuro_actors/viewer/js/why.js";
import { describeMoment, translator, WORDS } from "../../../neuro_actors/viewer/js/words.js";

const pack = (values, Kind = Float64Array) => Buffer.from(new Kind(values).buffer).toString("base64");

/** x -> h -> y and x -> y, y an output: h is dead on the way that its slope says. */
function raw() {
  const array = (values) => pack(values);
  return {
    title: "run.arrows", picture: null, item: 8, functions: {}, curve: { steps: [1], losses: [0.5] }, notes: {},
    network: {
      ids: ["x", "h", "y"], activations: [null, "tanh", "identity"], outputs: [2], nSynapses: 3,
      level: pack([0, 1, 2], Int32Array), sources: pack([0, 1, 0], Int32Array), targets: pack([1, 2, 2], Int32Array),
    },
    versions: [
      { weights: array([0.5, -2, 0.25]), biases: array([0, 0.1, 0.2]) },
      { weights: array([0.6, -2.1, 0.35]), biases: array([0, 0.1, 0.3]) },
    ],
    steps: [
      {
        number: 7, mode: "train", loss: "squared_error", optimizer: null, update: null, batch: 2, examples: 2, learnedFrom: 2, inputs: [3, 4], odd: [], wrtInputs: false, whole: true, mean: 0.5, before: 0, after: 1,
        arrays: {
          activations: array([1, 0.5, 3, 2, 0.6, 4, 1.5, 0.55, 3.5]), signals: array([NaN, 0.6, 3, NaN, 0.7, 4, NaN, 0.65, 3.5]),
          urgencies: array([NaN, -4, 2, NaN, -6, 3, NaN, -5, 2.5]), slopes: array([NaN, 0, 1, NaN, 0, 1, NaN, 0, 1]),
          signal_urgencies: array([NaN, 0, 2, NaN, 0, 3, NaN, 0, 2.5]), targets: array([5, 5, 5]), blame: array([2, 3, 2.5]), losses: array([0.4, 0.6, 0.5]),
          wants: array([0.1, 0.2, 0.3, NaN, 0.4, 0.5]),
        },
      },
    ],
  };
}

test("numbers carry as many digits as they have, and their sign", () => {
  assert.deepEqual([0.6, -1.25, 3.1e-5, 0, NaN, 123456, 0.1 + 0.2].map(shown), ["0.6", "−1.25", "3.1·10⁻⁵", "0", "–", "123456", "0.3"]);
  assert.deepEqual([0.5, -0.5, 0].map(signed), ["+0.5", "−0.5", "0"]);
  assert.deepEqual([0.604, -12.34, 123.4, 0.001, -1e-9, 0, 1e5].map(short), ["+0.60", "−12.3", "+123", "+0", "−0", "0", "+1·10⁵"]);
  assert.deepEqual([0.0042, -0.0007, 0.0001].map(fine), ["+0.004", "−0.0007", "+0"]);
  assert.deepEqual([count(999), count(1234567)], ["999", "1,234,567"]);
  style.digits = 17;
  assert.equal(shown(0.1 + 0.2), "0.30000000000000004");
  [style.digits, style.mark] = [4, ","];
  assert.equal(shown(-0.25), "−0,25");
  style.mark = ".";
});

test("one number of many is read without the rest", () => {
  const values = Array.from({ length: 50 }, (_, k) => Math.sin(k) / 3);
  for (const [Kind, item] of [[Float64Array, 8], [Float32Array, 4]]) {
    const text = pack(values, Kind);
    const all = floats(text, item);
    for (let k = 0; k < 50; k++) assert.equal(floatAt(text, item, k), all[k]);
  }
});

test("numbers beyond 4 bytes have an exponent before them", () => {
  const values = [1e290, -3.5e306, 2e300, 0, NaN];
  const text = `900:${pack(values.map((x) => x / 2 ** 900), Float32Array)}`;
  [floats(text, 4), values.map((_, k) => floatAt(text, 4, k))].forEach((found) => values.forEach((x, k) => {
    assert.ok(Number.isNaN(x) ? Number.isNaN(found[k]) : Math.abs(found[k] - x) <= Math.abs(x) * 2 ** -23, `${found[k]}`);
  }));
  const tiny = `-1000:${pack([2 ** -74], Float32Array)}`;
  assert.equal(floatAt(tiny, 4, 0), 5e-324);
  assert.equal(floats(tiny, 4)[0], 5e-324);
});

test("the greatest numbers are shown, rounded and drawn", () => {
  const most = Number.MAX_VALUE;
  assert.deepEqual([most, -Infinity, 5e-324].map(shown), ["1.798·10³⁰⁸", "−∞", "4.941·10⁻³²⁴"]);
  assert.deepEqual([signed(Infinity), short(-Infinity), short(most)], ["+∞", "−∞", "+2·10³⁰⁸"]);
  assert.deepEqual([rounded(most, 2), rounded(1234, 2), rounded(0, 2)], [most, 1200, 0]);
  assert.deepEqual([share(0, -most, most), share(0.25, 0, 1), share(1, 1, 1)], [0.5, 0.25, 0]);
  const values = [];
  const element = { setAttribute: (_, value) => values.push(value), append() {} };
  globalThis.document = { createElementNS: () => element };
  lossCurve([0, 0.5, 1], [most, 0, 1], niceTicks(most, 3));
  overSteps([{ values: [most, -most, 5e-324], kind: "activation" }], 1, "label", [1, 2, 3]);
  functionChart({ z: [-most, 0, most], a: [-most, 0, most] }, most, most, 1, "label");
  functionChart({ z: [-6, 0, 6], a: [-6, 0, 6] }, -most, -most, 1, "label");
  delete globalThis.document;
  assert.ok(values.length > 20 && !values.some((value) => /NaN|Infinity/.test(value)), values.join());
});

test("waves follow the logical time of messages", () => {
  const network = new Network(raw().network);
  const waves = new Waves(network, { mode: "train", wrtInputs: false });
  assert.deepEqual([...waves.sends], [1, 2, 3]);
  assert.deepEqual([waves.toLoss, waves.fromLoss, [...waves.urged], waves.learn, waves.count], [3, 4, [-1, 5, 4], 6, 7]);
  assert.deepEqual(waves.forward.map((wave) => wave.length), [0, 2, 1, 0, 0, 0, 0]);
  assert.deepEqual(waves.backward[5], [1]); // y -> h alone: inputs hear none
  assert.deepEqual(waves.phases().map(({ phase }) => phase), ["inputs", "forward", "to_loss", "loss_to_outputs", "backward", "learn"]);
  const felt = new Waves(network, { mode: "gradient", wrtInputs: true });
  assert.deepEqual([...felt.urged], [6, 5, 4]);
  assert.deepEqual([felt.backward[5], felt.backward[6]], [[1, 2], [0]]);
  const foretold = new Waves(network, { mode: "predict", wrtInputs: false });
  assert.deepEqual([foretold.count, foretold.fromLoss, [...foretold.urged]], [4, -1, [-1, -1, -1]]);
  assert.deepEqual(foretold.phases().map(({ phase }) => phase), ["inputs", "forward", "to_environment"]);
  assert.deepEqual([0, 0.5, 1, 1.2, 7].map(currentWave), [0, 0, 0, 1, 6]);
});

test("a view has an example's numbers, or the mean's", () => {
  const run = new Run(raw());
  const [first, second, mean] = [3, 4, -1].map((example) => run.view(0, example));
  assert.deepEqual([first.a[2], second.a[2], mean.a[2], mean.isMean, first.isMean], [3, 4, 3.5, true, false]);
  assert.deepEqual([run.urgency(first, 1), run.want(first, 1), run.want(mean, 1)], [-4, 1, 0.2]);
  assert.deepEqual([first.weights[1], first.after.weights[1]], [-2, -2.1]);
  assert.deepEqual([run.stuck(first, 1), run.stuck(first, 2), run.stuck(first, 0)], ["saturated", "", ""]);
  assert.deepEqual(synapseHistory(run, 1, 4)[0], { number: 7, weight: -2, activation: 0.6, urgency: -6 });
});

/** Compute what an equation says: its numbers alone, by JavaScript's own arithmetic. */
function computed(text) {
  const digits = (raised) => [...raised].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)).map((n) => (n < 0 ? "-" : n)).join("");
  const plain = text
    .replace(/·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, power) => `e${digits(power)}`)
    .replace(/([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, power) => `**${digits(power)}`)
    .replaceAll("×", "*").replaceAll("−", "-").replaceAll("√", "Math.sqrt");
  return Function(`return ${plain.replace(/^(-[\d.e-]+)/, "($1)")}`)();
}

test("the equations of an update are true, and are what the optimizer does", () => {
  style.digits = 17;
  const [parameter, want] = [-0.7, -0.3];
  const adam = { name: "Adam", rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01, count: 7 };
  const cases = [
    [{ name: "SGD", rate: 0.5, momentum: 0, weight_decay: 0 }, [], 0.5 * -0.3],
    [{ name: "SGD", rate: 0.5, momentum: 0, weight_decay: 0.1 }, [], 0.5 * (-0.3 + 0.07)],
    [{ name: "SGD", rate: 0.5, momentum: 0.9, weight_decay: 0.1 }, [0.2], 0.5 * (0.9 * 0.2 + (-0.3 + 0.07))],
    [adam, [0.02, 1e-6], (() => {
      const g = -0.3 + 0.007;
      const [m, s] = [0.9 * 0.02 + 0.1 * g, 0.999 * 1e-6 + 0.001 * g * g];
      return 0.05 * (m / (1 - 0.9 ** 7)) / (Math.sqrt(s / (1 - 0.999 ** 7)) + 1e-8);
    })()],
  ];
  for (const [settings, state, change] of cases) {
    const found = update(settings, { parameter, want, state });
    assert.ok(Math.abs(found.change - change) < 1e-15, `${found.change} ${change}`);
    assert.ok(found.size >= Math.abs(change));
    for (const one of found.equations) {
      const [left, right] = written(one).split(" = ");
      assert.ok(Math.abs(computed(left) - computed(right.replace("+", ""))) < 1e-14, written(one));
    }
    assert.equal(found.equations.at(-1).value, found.change);
  }
  style.digits = 4;
  assert.equal(written({ key: "velocity", numbers: `0.9 × ${term(-0.25)}`, value: -0.225 }), "0.9 × (−0.25) = −0.225");
  assert.deepEqual(update({ name: "other" }, { parameter, want, state: [] }).equations, []);
});

test("a change that the log does not explain has no equation", () => {
  const made = raw();
  const reasons = (update, arrays = {}, replayed = true) => {
    made.steps[0].update = update;
    Object.assign(made.steps[0].arrays, arrays);
    const run = new Run({ ...made, replayed });
    return changeOf({ run, view: run.view(0, 3), info: run.steps[0] }, 0).reason;
  };
  const sgd = { name: "SGD", rate: 1, momentum: 0, weight_decay: 0, count: 2 };
  assert.equal(reasons(sgd), ""); // 0.5 + 1 · 0.1 = 0.6
  assert.equal(reasons({ ...sgd, rate: 2 }), "changeDiffers");
  assert.equal(reasons(null), "ownOptimizer");
  const momentum = { ...sgd, momentum: 0.9 };
  assert.equal(reasons(momentum), "stateMissing");
  assert.equal(reasons(momentum, {}, false), "stateLeftOut");
  assert.equal(reasons({ ...momentum, count: 1 }), "");
  assert.equal(reasons(momentum, { state0: pack([0, 0, 0, 0, 0, 0]) }), "");
  assert.equal(reasons(sgd, { wants: pack([NaN, 0, 0, 0, 0, 0]) }), "wantMissing");
});

test("an example is found in each step that has it", () => {
  const made = raw();
  made.steps.push({ ...made.steps[0], number: 8, inputs: [4, 5] });
  const run = new Run(made);
  assert.deepEqual([run.row(0, 3), run.row(0, 4), run.row(0, 5), run.row(0, -1), run.row(1, 4)], [0, 1, 2, 2, 0]);
  assert.deepEqual([run.has(1, 3), run.has(1, -1), run.stepWith(0, 5), run.stepWith(1, 3), run.nExamples], [false, true, 1, 0, 6]);
  assert.deepEqual([run.view(1, 3).isMean, run.view(1, 3).example, run.view(1, 5).example], [true, -1, 5]);
  assert.deepEqual(run.exampleValues(4), { x: [2], t: [5] });
  assert.deepEqual(neuronHistory(run, 2, 5).map((one) => one.activation), [NaN, 4]);
  assert.deepEqual(run.wantsByExample(0, 1).map((one) => one.want), [2 * 0.5, 3 * 0.6]);
});

test("why: the strongest way from the loss", () => {
  const run = new Run(raw());
  const view = run.view(0, 3);
  const { terms, ...path } = reason(run, view, 1);
  assert.deepEqual(path, { neurons: [2, 1], positions: [0, 0], synapses: [1], loss: true, stopped: null });
  assert.deepEqual(terms.map(({ factor, of, part }) => [factor, of, part]), [[-2, 2, -4]]);
  assert.deepEqual(reason(run, view, 2).neurons, [2]);
  const [v, blame] = [[NaN, NaN, NaN], [NaN]];
  assert.equal(reason(run, { ...view, all: { ...view.all, v, blame } }, 1), null);
});

test("what is chosen is lit, what is pointed at before it", () => {
  const network = new Network(raw().network);
  assert.equal(findLit(network, null, null, null), null);
  assert.deepEqual([...findLit(network, { kind: "neuron", k: 1 }, null, null).synapses], [0, 1]);
  assert.deepEqual([...findLit(network, { kind: "neuron", k: 1 }, { kind: "synapse", k: 2 }, null).synapses], [2]);
  assert.equal(findLit(network, { kind: "loss" }, null, null).loss, true);
  assert.deepEqual([...findLit(network, null, { kind: "neuron", k: 2 }, null).synapses], [1, 2]);
  assert.deepEqual([...findLit(network, { kind: "synapse", k: 0 }, { kind: "neuron", k: 2 }, null).synapses], [0]);
});

test("nodes stand by level, within the stage, and wires that skip bend round them", () => {
  const run = new Run(raw());
  const place = layout(run, 800, 500, "auto");
  assert.equal(place.mode, "nodes");
  assert.ok(place.x[0] < place.x[1] && place.x[1] < place.x[2] && place.x[2] < place.loss.x);
  for (const k of [0, 1, 2]) assert.ok(place.x[k] > 0 && place.x[k] < 800 && place.y[k] > 0 && place.y[k] < 500);
  assert.ok(Math.abs(place.bends.get(2)) > place.r[1]);
  assert.equal(layout(run, 800, 500, "population").grids.length, 3);
});

test("a curve leads from end to end, and knows how far it is", () => {
  const c = curve(0, 0, 100, 50);
  assert.deepEqual([point(c, 0), point(c, 1)], [[0, 0], [100, 50]]);
  assert.ok(distance(c, 50, 25) < 1e-9 && distance(c, 50, 60) > 20 && distance(c, 500, 25) === Infinity);
  assert.ok(Math.abs(angle(curve(0, 0, 10, 0), 0.5)) < 1e-9);
});

test("colours say the sign, and text on them is read", () => {
  const colours = { empty: [240, 240, 240], plus: [208, 74, 2], minus: [11, 107, 176], ink: [0, 0, 0], paper: [255, 255, 255] };
  assert.deepEqual(fill(colours, 5, 1), colours.plus);
  assert.deepEqual(fill(colours, -5, 1), colours.minus);
  assert.deepEqual(fill(colours, 0, 1), colours.empty);
  assert.ok(strength(0.1, 1) > 0.1 && strength(NaN, 1) === 0 && strength(1, 0) === 0);
  assert.deepEqual([on(colours, colours.empty), on(colours, [0, 0, 60])], [colours.ink, colours.paper]);
});

test("names that would turn the line or end it do not", () => {
  assert.equal(plain("a\u202eb\u200fc\nd"), "a\ufffdb\ufffdc\ufffdd");
  assert.equal(plain("x".repeat(50), 10), "xxxxxxxxx…");
  assert.equal(plain("<script>"), "<script>");
});

test("lost messages and crashes are shown in the wave that they belong to", () => {
  const network = new Network(raw().network);
  const waves = new Waves(network, { mode: "train", wrtInputs: false });
  const faults = new StepFaults(
    { lost: 4, died: [[1, "before fire", 0.2], [1, "after commit", 0.9], [3, "before respond", 0.4]], inputs: [[0, [0], 0.2]], forward: [[1, [0.1, 0.3], 0.7]], to_loss: [[0, [0.5], null]] },
    network, waves,
  );
  assert.deepEqual(faults.delivery("forward", 1), { lost: [0.1, 0.3], arrived: 0.7 });
  assert.equal(faults.delivery("backward", 1), undefined);
  assert.deepEqual(faults.joinedDelivery("forward", [0, 1, 2]), { lost: [0.1, 0.3], arrived: 0.7 });
  assert.equal(faults.joinedDelivery("forward", [0, 2]), undefined);
  assert.deepEqual([0, 1, 2, 3].map((wave) => faults.inWave(waves, wave, network).lost), [1, 0, 1, 1]); // told, h -> y, judged
  assert.deepEqual(faults.crashes.map((crash) => crash.wave), [waves.sends[1] - 1, waves.urged[1] + 1, waves.fromLoss]);
  const say = translator("en");
  assert.equal(describeFaults(say, faults, waves, 1, network), "h crashes and restarts from what it had committed");
  assert.equal(describeFaults(say, faults, waves, 2, network), "one message is lost and sent again");
  const calm = new StepFaults(undefined, network, waves);
  for (let wave = 0; wave < waves.count; wave++) assert.equal(describeFaults(say, calm, waves, wave, network), "");
  for (let k = 0; k <= network.n; k++) {
    for (const place of ["before receive", "at the deadline", "before respond", "after commit"]) {
      for (const mode of ["train", "predict", "gradient"]) {
        const other = new Waves(network, { mode, wrtInputs: false });
        const wave = crashWave(network, other, k, place);
        assert.ok(wave >= 0 && wave < other.count, `${mode} ${k} ${place}`);
      }
    }
  }
});

test("a lost message goes half of its way, and the one sent again all of it", () => {
  assert.equal(lostAndAgain(0.2, true).length, 1);
  const [lost, again] = lostAndAgain(0.6, true);
  assert.equal(lost.along, 0.5);
  assert.ok(lost.alpha < 0.5 && again.alpha === 1 && again.along > 0.1);
  assert.equal(lostAndAgain(0.9999, true)[1].along.toFixed(3), "1.000");
  assert.equal(lostAndAgain(0.6, false).length, 1);
  assert.deepEqual([0, 0.5, 1].map(crossAlpha), [0, 1, 0]);
});

test("both languages have all texts, with the same blanks", () => {
  const blanks = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  assert.deepEqual(Object.keys(WORDS.fr), Object.keys(WORDS.en));
  for (const key of Object.keys(WORDS.en)) assert.equal(blanks(WORDS.fr[key]), blanks(WORDS.en[key]), key);
  assert.equal(translator("fr")("stepOf", { n: 3 }), "Étape 3");
  assert.equal(translator("fr")("level", { n: 3 }), "niveau 3");
  assert.equal(translator("fr")("levelOf", { level: 1, n: 3 }), "niveau 1\u00a0: 3");
  assert.equal(translator("fr")("why"), "Pourquoi\u202f?");
  const waves = new Waves(new Network(raw().network), { mode: "train", wrtInputs: false });
  assert.equal(describeMoment(translator("en"), waves, 1.5).wave, "level 0 sends its activations to its followers");
  assert.equal(describeMoment(translator("en"), waves, 7).phase, "The step is over");
  assert.equal(typeof lossCurve, "function");
});
