// The time line: steps with the loss above them, and the waves of the present step.

import { lossCurve, lossHeight, niceTicks } from "./charts.js";
import { byId, el } from "./dom.js";
import { describeShare } from "./placement.js";
import { count, shown } from "./numbers.js";
import { placeNames } from "./strip.js";

const [LOSS_TICKS, STEP_TICKS] = [3, 6];
const NAME_HEIGHT = 1.1; // of a row of names below the strip, in rem

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
    this.ticks = niceTicks(Math.max(0, ...losses), LOSS_TICKS);
    byId("curve").replaceChildren(
      lossCurve(steps.map((/** @type {number} */ n) => placeAmong(numbers, n)), losses, this.ticks),
    );
    this._track = "";
    this._axis = "";
    /** @type {number | null} the step whose loss is read out */
    this.read = null;
    this._reads();
  }

  /** Read out the loss of the step under the pointer, or of the present one with the keyboard. */
  _reads() {
    const last = this.run.steps.length - 1;
    const read = (/** @type {number | null} */ step) => {
      this.read = step;
      this._readOut();
    };
    this.steps.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const box = this.steps.getBoundingClientRect();
      const share = (event.clientX - box.left) / (box.width || 1);
      read(Math.max(0, Math.min(last, Math.round(share * last))));
    });
    for (const name of ["pointerleave", "blur"])
      this.steps.addEventListener(name, () => read(null));
    for (const name of ["keyup", "focus"])
      this.steps.addEventListener(name, () => {
        if (this.steps.matches(":focus-visible")) read(Number(this.steps.value));
      });
  }

  _readOut() {
    const out = byId("readout");
    const info = this.read === null ? null : this.run.steps[this.read];
    out.hidden = !info || !this._say;
    if (!info || !this._say) return;
    const loss = info.mean === null ? "–" : shown(info.mean);
    out.textContent = this._say("lossAt", { n: info.number, loss });
    const share = Number(this.read) / Math.max(1, this.run.steps.length - 1);
    out.style.left = `${share * 100}%`;
    out.style.transform = `translateX(${-share * 100}%)`;
  }

  /** Write the axes: losses beside the curve, steps below it. @param {string} key */
  _axes(key) {
    if (key === this._axis) return;
    this._axis = key;
    const y = lossHeight(this.run.curve.losses);
    const some = this.run.curve.losses.length ? this.ticks : [];
    byId("lossTicks").replaceChildren(...some.map((tick) => {
      const label = el("span", { text: shown(tick) });
      label.style.top = `${y(tick)}%`;
      return label;
    }));
    const numbers = this.run.steps.map((/** @type {any} */ step) => step.number);
    byId("stepTicks").replaceChildren(...stepTicks(numbers, STEP_TICKS).map(([n, place]) => {
      const label = el("span", { text: count(n) });
      label.style.left = `${place * 100}%`;
      label.style.transform = `translateX(${-place * 100}%)`;
      return label;
    }));
  }

  /** Write the names of waves that are too wide for the strip below it. */
  _name(/** @type {any[]} */ parts, /** @type {number} */ room) {
    const below = byId("trackNames");
    below.hidden = false;
    const labels = parts.map((part) => el("span", { text: part.textContent }));
    below.replaceChildren(...labels);
    const places = placeNames(parts.map((part, k) => {
      const name = part.firstChild;
      const fits = name.scrollWidth <= part.clientWidth && name.offsetHeight <= part.clientHeight;
      const start = part.offsetLeft;
      return { start, end: start + part.clientWidth, wide: labels[k].offsetWidth, fits };
    }), room);
    places.forEach(({ row, left }, k) => {
      parts[k].classList.toggle("tight", row >= 0);
      labels[k].style.left = `${left}px`;
      labels[k].style.top = `${row * NAME_HEIGHT}rem`;
      if (row < 0) labels[k].remove();
    });
    const rows = 1 + Math.max(...places.map(({ row }) => row));
    below.hidden = rows === 0;
    below.style.height = `${rows * NAME_HEIGHT}rem`;
  }

  /** @param {import("./scene.js").Scene} scene @param {{phase: string, wave: string}} now */
  show(scene, now) {
    const { state, info, say, waves, t } = scene;
    const n = this.run.steps.length;
    this._say = say;
    this._axes(state.language);
    if (this.read !== null) this._readOut();
    this.steps.value = String(state.step);
    byId("stepmark").style.left = `${n > 1 ? (state.step / (n - 1)) * 100 : 50}%`;
    const mode = say(`mode_${info.mode}`);
    const loss = info.mean === null ? "" : ` · ${say("loss")} ${shown(info.mean)}`;
    const { lost, crashes } = scene.faults;
    const absent = state.absent?.step === state.step
      ? `${say("stepAbsent", { n: count(state.absent.asked) })} · `
      : "";
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
          text: `${absent}${mode}${loss}${signs}${share ? ` · ${share}` : ""}`,
          title: words.slice(2) || null,
        },
      ),
    );
    this.steps.setAttribute(
      "aria-valuetext",
      `${say("stepOf", { n: info.number })}, ${absent}${mode}${loss}${words}`,
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
      this._name(parts, wide);
      this.waves.max = String(waves.count);
    }
    this.waves.value = String(t);
    byId("wavemark").style.left = `${(t / waves.count) * 100}%`;
    const spoken = say("hasValue", { name: now.phase, value: now.wave });
    this.waves.setAttribute("aria-valuetext", spoken);
  }
}

/**
 * The ticks of the steps: the first, the last, and round numbers between, with their places.
 * @param {number[]} numbers
 * @param {number} most
 * @returns {[number, number][]}
 */
export function stepTicks(numbers, most) {
  const [first, last] = [numbers[0], numbers[numbers.length - 1]];
  const apart = (last - first) / (2 * most);
  const round = niceTicks(last, most).filter((n) => Number.isInteger(n));
  const between = round.filter((n) => n - first > apart && last - n > apart);
  const all = first === last ? [first] : [first, ...between, last];
  return all.map((n) => [n, placeAmong(numbers, n)]);
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
