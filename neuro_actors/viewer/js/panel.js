// The panel beside the society. It is made again when its content changes; its terms are lit with
// the synapses of the stage.

import { neuronPanel } from "./neuron_panel.js";
import { introPanel } from "./intro_panel.js";
import { lossPanel } from "./loss_panel.js";
import { synapsePanel } from "./synapse_panel.js";
import { whyAnswer } from "./why_panel.js";
import { el } from "./dom.js";
import { whichExample } from "./examples.js";

/**
 * @typedef {{scene: import("./scene.js").Scene, choose: (thing: import("./focus.js").Thing | null)
 *   => void, hover: (thing: import("./focus.js").Thing | null) => void, toggleWhy: () => void,
 *   toggleAll: (key: string) => void, follow: (example: number) => void, goStep: (step: number) =>
 *   void, choosePosition: (k: number, position: number) => void, whyAnswer: () => any[]}} PanelApp
 */

export class Panel {
  /** @param {HTMLElement} root @param {Omit<PanelApp, "scene" | "whyAnswer">} acts */
  constructor(root, acts) {
    this.root = root;
    this.acts = acts;
    this._key = "";
    this._now = "";
  }

  /** @param {import("./scene.js").Scene} scene @param {string} digits */
  show(scene, digits) {
    const { state, waves, t } = scene;
    const chosen = state.chosen;
    const phase = chosen?.kind === "neuron"
      ? `${t >= waves.sends[chosen.k]} ${waves.isUrged(chosen.k, t)}`
      : "";
    // on a phone the page makes room for the panel
    document.documentElement.classList.toggle("chosen", chosen !== null);
    const what = chosen ? `${chosen.kind} ${chosen.kind === "loss" ? "" : chosen.k}` : "";
    const { step, example, positions, language, why, all } = state;
    const key =
      `${what} ${step} ${example} ${positions} ${language} ${digits} ${why} ${[...all]} ${phase} ` +
      `${scene.colours.paper} ${chosen ? "" : `${scene.layout.mode} ${scene.mapped}`}`;
    if (key !== this._key) this._fill(scene, what);
    this._key = key;
    this._light(scene);
  }

  /** @param {import("./scene.js").Scene} scene @param {string} what */
  _fill(scene, what) {
    const app = { ...this.acts, scene, whyAnswer: () => whyAnswer(app) };
    const { chosen } = scene.state;
    const focused = document.activeElement instanceof HTMLElement && this.root.contains(
      document.activeElement,
    )
      ? document.activeElement.dataset.focus
      : undefined;
    const same = this._what === what;
    const at = this.root.scrollTop;
    const content =
      chosen?.kind === "neuron"
        ? neuronPanel(app, chosen.k)
        : chosen?.kind === "synapse"
        ? synapsePanel(app, chosen.k)
        : chosen
        ? lossPanel(app)
        : introPanel(app);
    const close = chosen
      ? el(
        "button",
        {
          class: "close",
          type: "button",
          "data-focus": "close",
          "aria-label": scene.say("close"),
          title: `${scene.say("close")} (Esc)`,
          onclick: () => app.choose(null),
          text: "×",
        },
      )
      : null;
    const cut = scene.info.whole ? null : el("p", { class: "warn", text: scene.say("cutStep") });
    const [title, ...rest] = content.flat().filter((node) => node instanceof Node);
    const which = chosen || scene.run.picture || scene.view.example !== scene.state.example
      ? whichExample(app)
      : [];
    this.root.replaceChildren(
      ...[close, title, ...which, cut, ...rest].filter((node) => node instanceof Node),
    );
    this.root.scrollTop = same ? at : 0;
    if (focused !== undefined) {
      const again = [...this.root.querySelectorAll("[data-focus]")].find((node) =>
        /** @type {HTMLElement} */ (node).dataset.focus === focused,
      );
      if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    }
    this._what = what;
    this._now = "";
  }

  /**
   * Light the terms whose synapse is under the pointer, or whose message is travelling.
   * @param {import("./scene.js").Scene} scene
   */
  _light(scene) {
    const { state, waves, t } = scene;
    const wave = Math.floor(t);
    const moving = t > wave ? wave : -1;
    const now = `${moving} ${state.hover?.kind === "synapse" ? state.hover.k : ""} ${this._key}`;
    if (now === this._now) return;
    this._now = now;
    const travelling = new Set(
      moving < 0 ? [] : [...(waves.forward[moving] ?? []), ...(waves.backward[moving] ?? [])],
    );
    for (const row of this.root.querySelectorAll("[data-synapse]")) {
      const s = Number(/** @type {HTMLElement} */ (row).dataset.synapse);
      row.classList.toggle("lit", state.hover?.kind === "synapse" && state.hover.k === s);
      row.classList.toggle("travels", travelling.has(s));
    }
  }
}
