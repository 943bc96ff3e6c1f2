// The time line: steps with the loss above them, and the waves of the present step.

import { lossCurve } from "./charts.js";
import { byId, el } from "./dom.js";
import { describeShare } from "./placement.js";
import { count, rounded, shown } from "./numbers.js";

export class Timeline {
  /**
   * @param {import("./data.js").Run} run
   * @param {{goStep: (step: number) => void, goTime: (t: number) => void}} acts
   */
  constructor(run, acts) {
    this.run = run;
    this.steps = byId("steps");
    this.waves = byId("waves");
    this.steps.max = String(run.steps.length - 1);
    this.steps.addEventListener("input", () => acts.goStep(Number(this.steps.value)));
    this.waves.addEventListener("input", () => acts.goTime(Number(this.waves.value)));
    const numbers = run.steps.map((/** @type {any} */ step) => step.number);
    const { steps, losses } = run.curve;
    byId("curve").replaceChildren(
      lossCurve(steps.map((/** @type {number} */ n) => placeAmong(numbers, n)), losses),
    );
    this._track = "";
  }

  /** @param {import("./scene.js").Scene} scene @param {{phase: string, wave: string}} now */
  show(scene, now) {
    const { state, info, say, waves, t } = scene;
    const n = this.run.steps.length;
    const { losses } = this.run.curve;
    byId("highest").textContent = losses.length
      ? shown(rounded(Math.max(...losses), 2))
      : "";
    this.steps.value = String(state.step);
    byId("stepmark").style.left = `${n > 1 ? (state.step / (n - 1)) * 100 : 50}%`;
    const mode = say(`mode_${info.mode}`);
    const loss = info.mean === null ? "" : ` · ${say("loss")} ${shown(info.mean)}`;
    const { lost, crashes } = scene.faults;
    const share = describeShare(say, scene.placement, info);
    const [signs, words] = [["✕", lost, "lostCount"], ["†", crashes.length, "crashCount"]]
      .filter(([, n]) => n)
      .reduce(
      ([short, long], [sign, n, key]) => [
        `${short} · ${sign}\u00a0${count(Number(n))}`,
        `${long}, ${say(String(key), { n: count(Number(n)) })}`,
      ], ["", share ? `, ${share}` : info.round ? `, ${info.round}` : ""],
    );
    byId("steptext").replaceChildren(
      el("strong", { text: say("stepOf", { n: info.number }) }),
      ` ${say("ofSteps", { n: this.run.steps[n - 1].number })}`,
      el("span", { class: "dotted", text: " · " }),
      el(
        "span",
        {
          class: "rest",
          text: `${mode}${loss}${signs}${share ? ` · ${share}` : ""}`,
          title: words.slice(2) || null,
        },
      ),
    );
    this.steps.setAttribute(
      "aria-valuetext",
      `${say("stepOf", { n: info.number })}, ${mode}${loss}${words}`,
    );
    const wide = byId("track").clientWidth;
    const track = `${waves.count} ${info.mode} ${info.wrtInputs} ${state.language} ${wide}`;
    if (track !== this._track) {
      this._track = track;
      const parts = waves.phases().map(({ phase, start, end }) => {
        const part = el(
          "span",
          { class: `phase ${phase}` },
          el("span", { text: say(`short_${phase}`) }),
        );
        part.style.flexGrow = String(end - start);
        return part;
      });
      byId("track").replaceChildren(...parts);
      for (const part of parts)
        part.classList.toggle("tight", part.firstChild.scrollWidth > part.clientWidth - 6);
      this.waves.max = String(waves.count);
    }
    this.waves.value = String(t);
    byId("wavemark").style.left = `${(t / waves.count) * 100}%`;
    this.waves.setAttribute("aria-valuetext", `${now.phase}: ${now.wave}`);
  }
}

/**
 * The position of a step's number among those of the page, 0 to 1.
 * @param {number[]} numbers
 * @param {number} number
 */
function placeAmong(numbers, number) {
  if (numbers.length < 2) return 0.5;
  let k = numbers.findIndex((one) => one >= number);
  if (k < 0) k = numbers.length - 1;
  const before = numbers[k - 1] ?? number;
  const part = numbers[k] === number || k === 0 ? 0 : (numbers[k] - number) / (numbers[k] - before);
  return (k - part) / (numbers.length - 1);
}
