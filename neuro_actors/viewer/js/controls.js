// The buttons and menus, in the language of the page.

import { byId, el } from "./dom.js";
import { exampleName } from "./examples.js";
import { saveStage } from "./export.js";
import { describeFaults } from "./faults.js";
import { stepWorkers } from "./workers.js";
import { plain } from "./labels.js";
import { describePlace } from "./placement.js";
import { count, shown, style } from "./numbers.js";
import { currentWave } from "./waves.js";
import { describeMoment, functionName } from "./words.js";
import { MOST_ZOOM, WHOLE } from "./zoom.js";

const MOST_NAMES = 3000;
const MOST_EXAMPLES = 64; // if there are more, only those of the present step are listed
const MOST_CHIPS = 8;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

export class Controls {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this._key = "";
    this._announced = "";
    this._workersKey = "";
    this._examplesKey = "";
    this._captionKey = this._captionSize = "";
    this._captionRoom = 0; // pixels
    const press = (
      /** @type {string} */ id,
      /** @type {() => void} */ act,
    ) => byId(id).addEventListener("click", act);
    press("play", () => app.player.toggle());
    press("nextWave", () => app.goWave(1));
    press("previousWave", () => app.goWave(-1));
    press("nextStep", () => app.goStep(app.state.step + 1));
    press("previousStep", () => app.goStep(app.state.step - 1));
    const pick = (
      /** @type {string} */ id,
      /** @type {(value: string) => void} */ act,
    ) => byId(id).addEventListener("change", () => act(byId(id).value));
    pick("example", (value) => app.set({ example: Number(value), follow: true }));
    pick("view", (value) => app.set({ shape: value, zoom: WHOLE }));
    pick("speed", (value) => app.set({ speed: Number(value) }));
    pick("pace", (value) => app.set({ pace: value }));
    pick("language", (value) => app.set({ language: value, languageAsked: true }));
    pick("theme", (value) => {
      app.state.theme = value;
      app.restyle();
    });
    pick("maps", (value) => app.set({ maps: value }));
    pick("workers", (value) => app.set({ workers: value === "shown" }));
    pick("digits", (value) => {
      style.digits = Number(value);
      app.redraw();
    });
    press("zoomIn", () => app.zoomBy(1.5));
    press("zoomOut", () => app.zoomBy(1 / 1.5));
    press("zoomFit", () => app.set({ zoom: WHOLE }));
    press("savePng", () => saveStage(app, "png"));
    press("saveSvg", () => saveStage(app, "svg"));
    press("fullScreen", () => app.toggleFullScreen());
    pick("find", (value) => app.choose(value === "" ? null : { kind: "neuron", k: Number(value) }));
    document.addEventListener("click", (event) => {
      const settings = byId("settings");
      if (settings.open && !settings.contains(event.target)) settings.open = false;
    });
  }

  /**
   * @param {import("./scene.js").Scene} scene
   * @param {{phase: string, wave: string, faults: string}} now
   */
  show(scene, now) {
    const { state, say, waves, t } = scene;
    if (state.language !== this._key) this._label(scene);
    this._key = state.language;
    this._listExamples(scene);
    const play = byId("play");
    const name = say(state.playing ? "pause" : "play");
    if (play.getAttribute("aria-label") !== name) {
      play.setAttribute("aria-label", name);
      play.title = `${name} (Space)`;
      play.classList.toggle("playing", state.playing);
    }
    byId("example").value = String(state.example);
    const find = byId("find");
    const chosen = state.chosen?.kind === "neuron" ? state.chosen.k : -1;
    if (chosen >= 0 && find.options.length === 1)
      find.append(el("option", { value: chosen, text: plain(scene.network.ids[chosen], 40) }));
    find.value = chosen >= 0 ? String(chosen) : "";
    byId("zoomFit").disabled = byId("zoomOut").disabled = state.zoom.by === 1;
    byId("zoomIn").disabled = state.zoom.by === MOST_ZOOM;
    byId("above").classList.toggle("zoomed", state.zoom.by > 1);
    for (const id of ["view", "speed", "pace", "language", "theme"])
      byId(id).value = String(/** @type {any} */ (state)[id === "view" ? "shape" : id]);
    byId("digits").value = String(style.digits);
    byId("maps").value = state.maps;
    byId("workers").value = state.workers ? "shown" : "hidden";
    this._showWorkers(scene);
    const wave = currentWave(t) + 1;
    byId("phase").textContent = now.phase;
    byId("faults").hidden = !scene.run.hasFaults;
    byId("faults").textContent = now.faults;
    byId("wave").textContent = t >= waves.count
      ? now.wave
      : say("waveOf", { n: wave, total: waves.count, what: now.wave });
    this._keepRoom(scene);
    this._announce(scene, now);
  }

  /**
   * Keep as much room for the caption as its longest text in this step needs: else the society
   * would jump, and lose its names, from wave to wave.
   * @param {import("./scene.js").Scene} scene
   */
  _keepRoom(scene) {
    const { say, waves, state, run, faults, network } = scene;
    const caption = byId("caption");
    const size = `${caption.clientWidth} ${document.documentElement.className} ${state.language}`;
    const key = `${size} ${waves.count} ${run.hasFaults ? state.step : ""}`;
    if (key === this._captionKey) return;
    if (size !== this._captionSize) this._captionRoom = 0;
    [this._captionKey, this._captionSize] = [key, size];
    const lines = ["phase", "wave", "faults"].map(byId);
    const texts = lines.map((line) => line.textContent);
    caption.style.minHeight = "0";
    for (let wave = 0; wave < waves.count; wave++) {
      const now = describeMoment(say, waves, wave + 1);
      const what = say("waveOf", { n: wave + 1, total: waves.count, what: now.wave });
      const lost = run.hasFaults ? describeFaults(say, faults, waves, wave, network) : "";
      [now.phase, what, lost].forEach((text, k) => (lines[k].textContent = text));
      const high = Math.ceil(caption.getBoundingClientRect().height); // it may be a fraction
      this._captionRoom = Math.max(this._captionRoom, high);
    }
    texts.forEach((text, k) => (lines[k].textContent = text));
    caption.style.minHeight = `${this._captionRoom}px`;
  }

  /** List the examples that can be followed. @param {import("./scene.js").Scene} scene */
  _listExamples({ run, state, info, say }) {
    const many = run.nExamples > MOST_EXAMPLES;
    const now = many ? `${state.step} ${state.example}` : "";
    const key = `${state.language} ${style.digits} ${now}`;
    if (key === this._examplesKey) return;
    this._examplesKey = key;
    const all = many
      ? [...new Set([...info.inputs, state.example])].filter((example) => example >= 0)
      : Array.from({ length: run.nExamples }, (_, example) => example);
    const options = all.sort((a, b) => a - b).map((example) =>
      el("option", { value: example, text: exampleName(run, say, example) }),
    );
    if (run.notes.batch > 1) options.push(el("option", { value: -1, text: say("meanOfBatch") }));
    byId("example").replaceChildren(...options);
  }

  /** Show the workers of this step with their colours. @param {import("./scene.js").Scene} scene */
  _showWorkers(scene) {
    const { placement, mapped, info, say, state } = scene;
    byId("stepWorkers").hidden = !mapped;
    const key = mapped ? `${info.replica} ${state.language}` : "";
    if (placement && key && key !== this._workersKey)
      byId("stepWorkers").replaceChildren(...stepWorkers(say, placement, info, MOST_CHIPS));
    this._workersKey = key || this._workersKey;
  }

  /**
   * Describe the canvas for screen readers; silent while it plays.
   * @param {import("./scene.js").Scene} scene
   * @param {{phase: string, wave: string, faults: string}} now
   */
  _announce(scene, now) {
    const { state, say, info, network, view } = scene;
    if (state.playing) return;
    let text = say("describeStep", { n: info.number, ...now });
    if (now.faults) text += ` ${now.faults}.`;
    if (state.chosen?.kind === "neuron") {
      const { k } = state.chosen;
      const kind = network.isInput(k) ? say("input") : functionName(say, network.kindOf(k));
      const u = view.u[k] === view.u[k] ? shown(view.u[k]) : say("noUrgency");
      const level = say("level", { n: network.level[k] });
      const described = { name: plain(network.ids[k]), kind, level, a: shown(view.a[k]), u };
      text += ` ${say("describeNeuron", described)}`;
      if (scene.placement) text += `; ${describePlace(say, scene.placement, info, k)}`;
    }
    if (text !== this._announced) byId("live").textContent = text;
    this._announced = text;
  }

  /** @param {import("./scene.js").Scene} scene */
  _label(scene) {
    const { say, network, run, state } = scene;
    document.documentElement.lang = state.language;
    document.title = `${plain(run.title, 60)} · neuro_actors`;
    byId("title").textContent = plain(run.title, 60);
    const about = describeParts(say, network);
    const { shownSteps, steps, shownExamples, batch, complete } = run.notes;
    const thinned = shownSteps < steps || shownExamples < batch || !complete;
    byId("about").textContent = thinned ? `${about} · ${say("notAll")}` : about;
    for (const node of document.querySelectorAll("[data-say]"))
      node.textContent = say(/** @type {HTMLElement} */ (node).dataset.say ?? "");
    for (const node of document.querySelectorAll("[data-label]")) {
      const text = say(/** @type {HTMLElement} */ (node).dataset.label ?? "");
      node.setAttribute("aria-label", text);
      if (node.tagName === "BUTTON") /** @type {HTMLElement} */ (node).title = text;
    }
    const option = (
      /** @type {string | number} */ value,
      /** @type {string} */ text,
    ) => el("option", { value, text });
    byId("view").replaceChildren(
      ...["auto", "nodes", "population"].map((shape) => option(shape, say(shape))),
    );
    byId("speed").replaceChildren(
      ...SPEEDS.map((speed) => option(speed, `${String(speed).replace(".", style.mark)} ×`)),
    );
    byId("pace").replaceChildren(
      option("waves", say("paceWaves")),
      option("steps", say("paceSteps")),
    );
    byId("theme").replaceChildren(
      ...["system", "light", "dark"].map((theme) => option(theme, say(theme))),
    );
    byId("workers").replaceChildren(
      option("shown", say("workersShown")),
      option("hidden", say("workersHidden")),
    );
    byId("maps").replaceChildren(
      ...["activation", "urgency"].map((what) =>
        option(what === "urgency" ? "urgencies" : "activations", say(what)),
      ),
    );
    byId("mapsOf").hidden = network.elements.isPlain;
    byId("mapped").hidden = scene.placement === null;
    byId("digits").replaceChildren(option(4, say("digitsFew")), option(17, say("digitsAll")));
    byId("language").replaceChildren(option("en", "English"), option("fr", "français"));
    const find = byId("find");
    const names = () => find.replaceChildren(
      option("", say("nothingChosen")),
      ...network.ids.map((id, k) => option(k, plain(id, 40))),
    );
    if (network.n <= MOST_NAMES) names();
    else {
      // so many options take time to make: they are made when the menu gets the focus
      find.replaceChildren(option("", say("nothingChosen")));
      find.onfocus = () => find.options.length < network.n && names();
    }
  }
}

/**
 * How many inputs, neurons and so on a network has.
 * @param {import("./words.js").Say} say
 * @param {import("./network.js").Network} network
 */
function describeParts(say, network) {
  const { delayed, combinations } = network.elements;
  const interneurons = combinations.filter((one) => one !== null).length;
  const parts = [
    ["input", network.inputs.length - delayed.size],
    ["delay", delayed.size],
    ["neuron", network.n - network.inputs.length - interneurons],
    ["interneuron", interneurons],
    ["synapse", network.nSynapses],
  ];
  return parts.filter(([what, n]) => n || what === "neuron")
    .map(([what, n]) => say(`count_${what}${n === 1 ? "" : "s"}`, { n: count(Number(n)) }))
    .join(", ");
}
