// The keyboard: everything that the pointer can do.

import { WHOLE } from "./zoom.js";

const ZOOM = 1.5; // of one press

/** @param {any} app */
export function onKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    // keys that a slider uses itself
    const sliding = target instanceof HTMLInputElement && event.key.length > 1;
    const typing = target.tagName === "SELECT" || sliding;
    const pressing = target.tagName === "BUTTON" || target.tagName === "SUMMARY";
    if (typing && event.key !== "Escape") return;
    const isTalk = app.state.talk !== null;
    if (pressing && !isTalk && (event.key === " " || event.key === "Enter")) return;
    if (isTalk && talks(app, event, pressing)) return;
    const acts = /** @type {Record<string, () => void>} */ ({
      " ": () => app.player.toggle(),
      ArrowRight: () => (event.shiftKey ? app.goPhase(1) : app.goWave(1)),
      ArrowLeft: () => (event.shiftKey ? app.goPhase(-1) : app.goWave(-1)),
      ArrowUp: () => app.goStep(app.state.step + 1),
      ArrowDown: () => app.goStep(app.state.step - 1),
      PageDown: () => app.goStep(app.state.step + 10),
      PageUp: () => app.goStep(app.state.step - 10),
      Home: () => app.goStep(0),
      End: () => app.goStep(app.run.steps.length - 1),
      n: () => another(app, 1),
      p: () => another(app, -1),
      m: () => app.placement && app.set({ workers: !app.state.workers }),
      w: () => app.state.chosen?.kind === "neuron" && app.set({ why: !app.state.why }),
      u: () => app.toggleMaps(),
      l: () => app.choose({ kind: "loss" }),
      f: () => app.toggleFullScreen(),
      t: () => app.presenter.begin(),
      "+": () => app.zoomBy(ZOOM),
      "=": () => app.zoomBy(ZOOM),
      "-": () => app.zoomBy(1 / ZOOM),
      0: () => app.set({ zoom: WHOLE }),
      "[": () => app.ticks.goSequence(-1),
      "]": () => app.ticks.goSequence(1),
      Escape: () => app.choose(null),
    });
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const scrolls = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(key);
    if (scrolls && target.closest("#panel")) return;
    if (acts[key]) {
      event.preventDefault();
      acts[key]();
    }
  });
}

/** The keys of a presentation; those of a clicker are Page up and Page down. */
function talks(
  /** @type {any} */ app,
  /** @type {KeyboardEvent} */ event,
  /** @type {boolean} */ pressing,
) {
  const { presenter } = app;
  const next = () => presenter.next(1);
  const acts = /** @type {Record<string, () => void>} */ ({
    " ": next, Enter: next, ArrowRight: next, PageDown: next,
    ArrowLeft: () => presenter.next(-1),
    PageUp: () => presenter.next(-1),
    Escape: () => presenter.end(),
  });
  const act = acts[event.key];
  if (!act || (pressing && event.key === "Enter")) return false;
  event.preventDefault();
  act();
  return true;
}

function another(/** @type {any} */ app, /** @type {number} */ by) {
  const { n } = app.run.network;
  const at = app.state.chosen?.kind === "neuron" ? app.state.chosen.k : by > 0 ? -1 : n;
  app.choose({ kind: "neuron", k: (at + by + n) % n });
}
