// The keyboard: everything that the pointer can do.

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
    if (pressing && (event.key === " " || event.key === "Enter")) return;
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
      l: () => app.choose({ kind: "loss" }),
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

function another(/** @type {any} */ app, /** @type {number} */ by) {
  const { n } = app.run.network;
  const at = app.state.chosen?.kind === "neuron" ? app.state.chosen.k : by > 0 ? -1 : n;
  app.choose({ kind: "neuron", k: (at + by + n) % n });
}
