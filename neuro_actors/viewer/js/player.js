// The player: message by message or step by step; without motion if the system asks for none.

const WAVES_A_SECOND = 0.8;
const [STEPS_A_SECOND, TICKS_A_SECOND] = [6, 2];
const GLIDE = 700; // milliseconds

export class Player {
  /** @param {any} app */
  constructor(app) {
    this.app = app;
    this._last = 0;
    this._part = 0; // the part of a step or wave that is still to be played
    this._ever = false;
    /** @type {number | undefined} where a glide ends */
    this.aim = undefined;
    /** @type {object | undefined} the run under way, if any */
    this._run = undefined;
  }

  toggle() {
    if (this.app.state.playing) this.pause();
    else this.play();
  }

  /** Play to a moment, then stop. @param {number} t */
  glide(t) {
    const { app } = this;
    if (app.calm.matches || t < app.state.t) {
      app.goTime(t);
      return;
    }
    this.pause();
    this.aim = t;
    const from = app.state.t;
    const began = performance.now();
    const own = {};
    this._run = own;
    const tick = (/** @type {number} */ now) => {
      if (this._run !== own) return;
      const p = Math.min(1, Math.max(0, now - began) / GLIDE);
      app.set({ t: from + (t - from) * p });
      if (p < 1) requestAnimationFrame(tick);
      else this.aim = undefined;
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this._run = undefined;
    this.aim = undefined;
    if (this.app.state.playing) this.app.set({ playing: false });
  }

  play() {
    const { app } = this;
    const { state, run } = app;
    const atEnd = state.step === run.steps.length - 1 && state.t >= app.waves().count;
    if (state.pace === "waves" && (!this._ever || atEnd)) {
      state.t = 0;
      if (atEnd && this._ever) state.step = 0;
    } else if (state.pace === "steps" && state.step === run.steps.length - 1) state.step = 0;
    this._ever = true;
    this._last = performance.now();
    this._part = 0;
    app.set({ playing: true });
    const own = {};
    this._run = own;
    const tick = (/** @type {number} */ now) => {
      if (this._run !== own) return;
      // the first frame may have begun before the button was pressed
      this._advance(Math.min(0.25, Math.max(0, now - this._last) / 1000));
      this._last = now;
      if (state.playing) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** @param {number} seconds */
  _advance(seconds) {
    const { app } = this;
    const { state, run } = app;
    const lastStep = run.steps.length - 1;
    if (state.pace === "steps") {
      const pace = run.steps[state.step].tick ? TICKS_A_SECOND : STEPS_A_SECOND;
      this._part += seconds * pace * state.speed;
      const by = Math.floor(this._part);
      if (!by) return;
      this._part -= by;
      state.step = Math.min(lastStep, state.step + by);
      state.t = app.waves().count;
      if (state.step === lastStep) this.pause();
      app.redraw();
      return;
    }
    const pace = seconds * WAVES_A_SECOND * state.speed;
    const { count } = app.waves();
    if (app.calm.matches) {
      this._part += pace;
      if (this._part < 1) return;
      this._part -= 1;
      // from rest to rest without motion; after the last wave comes the next step
      state.t = state.t >= count ? count + 1 : Math.min(count, Math.floor(state.t + 0.5) + 0.5);
    } else state.t += pace;
    // a pause at the end of a step, so that its result is visible
    if (state.t >= count + 0.5) {
      if (state.step === lastStep) {
        state.t = count;
        this.pause();
      } else {
        state.step += 1;
        state.t = 0;
      }
    }
    app.redraw();
  }
}
