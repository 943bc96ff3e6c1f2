// The presenter mode: large type, the society alone, and one key for each sentence.

import { byId, el } from "./dom.js";
import { talk } from "./talk.js";
import { TALK_WORDS } from "./talk_words.js";

const PARTS = /** @type {const} */ (["what", "because", "so"]);

export class Presenter {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this._key = "";
    byId("present").addEventListener("click", () => this.begin());
    byId("talkNext").addEventListener("click", () => this.next(1));
    byId("talkBack").addEventListener("click", () => this.next(-1));
    byId("talkEnd").addEventListener("click", () => this.end());
  }

  /** The moments of the present step. */
  moments() {
    const { run, state } = this.app;
    this.app.settle();
    return talk(run, this.app.waves(), state);
  }

  begin() {
    this.app.player.pause();
    this.show(0);
    byId("talkNext").focus();
  }

  end() {
    this.app.set({ talk: null });
    this.app.draw(); // a button that is hidden takes no focus
    byId("present").focus();
  }

  /** Go on by a sentence; after the last one to the next step. @param {number} by */
  next(by) {
    const { app } = this;
    const { step, talk: at } = app.state;
    const last = this.moments().length * PARTS.length - 1;
    if (by > 0 && at >= last) {
      if (step < app.run.steps.length - 1) this.show(0, step + 1);
    } else if (by < 0 && at === 0) {
      if (step > 0) this.show(Infinity, step - 1);
    } else this.show(at + by);
  }

  /** Show a sentence: its moment, what it speaks of. @param {number} at @param {number} [step] */
  show(at, step = this.app.state.step) {
    const { app } = this;
    if (step !== app.state.step) app.goStep(step, 0);
    const moments = this.moments();
    const talk = Math.min(at, moments.length * PARTS.length - 1);
    const { t, chosen } = moments[Math.floor(talk / PARTS.length)];
    const same = app.state.talk !== null && app.state.t === t;
    app.set({ talk, chosen, hover: null, why: false });
    if (!same) app.player.glide(t);
  }

  /** @param {import("./scene.js").Scene} scene */
  draw(scene) {
    const { language, talk: at } = scene.state;
    const on = at !== null;
    document.documentElement.classList.toggle("presenting", on);
    byId("talk").hidden = !on;
    if (!on) return;
    const moments = this.moments();
    const moment = moments[Math.min(moments.length - 1, Math.floor(at / PARTS.length))];
    const shown = at % PARTS.length;
    const key = `${language} ${at} ${scene.state.step} ${scene.state.example}`;
    if (key === this._key) return;
    this._key = key;
    const words = TALK_WORDS[language] ?? TALK_WORDS.en;
    byId("talkLines").replaceChildren(...moment.lines.slice(0, shown + 1).map((text, k) =>
      el(
        "li",
        { class: k === shown ? "now" : null },
        el("strong", { text: words[PARTS[k]] }),
        el("span", { text }),
      ),
    ));
    byId("talkKeys").textContent =
      `${Math.floor(at / PARTS.length) + 1} / ${moments.length} · ${words.keys}`;
  }
}
