// Which example is shown: its name by its values, its picture, and what it is where it is missing.

import { el } from "./dom.js";
import { shown } from "./numbers.js";
import { thumbnail } from "./pictures.js";

const MOST_VALUES = 4;
const MOST_PICTURES = 32;

/**
 * The name of an example: its inputs and its target, "(0, 1) → 1".
 * @param {import("./data.js").Run} run
 * @param {import("./words.js").Say} say
 * @param {number} example its number; -1 is the mean
 * @returns {string}
 */
export function exampleName(run, say, example) {
  if (example < 0) return say("meanOfBatch");
  const target = targetName(run, say, run.exampleValues(example).t);
  const name = inputName(run, say, example);
  return target ? `${name} → ${target}` : name;
}

/** The same in a sentence: "example (0, 1), target 1". @type {typeof exampleName} */
function longName(run, say, example) {
  const target = targetName(run, say, run.exampleValues(example).t);
  const name = inputName(run, say, example);
  const whole = name.startsWith("(") ? `${say("example")} ${name}` : name;
  return target ? `${whole}, ${say("target")} ${target}` : whole;
}

/** @type {typeof exampleName} */
function inputName(run, say, example) {
  const { x } = run.exampleValues(example);
  const number = { n: example + 1 };
  if (x.some((value) => value !== value)) return say("exampleN", number);
  const few = x.slice(0, MOST_VALUES).map(shown);
  const inside = listed(say, x.length > MOST_VALUES ? [...few, "…"] : few);
  return run.picture
    ? say("pictureN", number)
    : x.length > MOST_VALUES
    ? `${say("inputN", number)} (${inside})`
    : `(${inside})`;
}

/** @param {import("./words.js").Say} say @param {string[]} values */
const listed = (say, values) => values.join(`${say("comma")} `);

/**
 * @param {import("./data.js").Run} run
 * @param {import("./words.js").Say} say
 * @param {number[]} t
 */
function targetName(run, say, t) {
  const { outputs, ids } = run.network;
  if (t.some((value) => value !== value)) return "";
  if (t.length <= 2) return listed(say, t.map(shown));
  const one = t.filter((value) => value === 1).length === 1 && t.every((v) => v === 0 || v === 1);
  return one ? ids[outputs[t.indexOf(1)]] : "";
}

/** The pictures of this step, small, to choose one. */
function thumbnails(/** @type {import("./panel.js").PanelApp} */ app) {
  const { run, say, info, view } = app.scene;
  const some = info.inputs.slice(0, MOST_PICTURES);
  return el("div", { class: "thumbnails" }, some.map((/** @type {number} */ example) =>
    el(
      "button",
      {
        type: "button",
        "data-focus": `example ${example}`,
        "aria-label": exampleName(run, say, example),
        title: exampleName(run, say, example),
        "aria-pressed": String(example === view.example),
        onclick: () => app.follow(example),
      },
      thumbnail(app.scene, example),
    ),
  ));
}

/**
 * The line of the panel that says of which example its numbers are.
 * @param {import("./panel.js").PanelApp} app
 */
export function whichExample(app) {
  const { run, say, state, info, view } = app.scene;
  const what = view.isMean ? say("mean", { n: info.batch }) : longName(run, say, view.example);
  const line = [el("p", { class: "of", text: what }), run.picture ? thumbnails(app) : null];
  if (state.example === view.example || state.example < 0) return line;
  const missing = exampleName(run, say, state.example);
  const next = run.stepWith(state.step, state.example);
  return [
    ...line,
    el(
      "p",
      { class: "note missing" },
      `${say("notInBatch", { name: missing })} `,
      next < 0
        ? null
        : el("button", {
          class: "link",
          type: "button",
          "data-focus": "nextWith",
          onclick: () => app.goStep(next),
          text: say("nextStepWith", { n: run.steps[next].number }),
        }),
    ),
  ];
}
