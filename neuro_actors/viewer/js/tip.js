// The tooltip: a few words beside the pointer.

import { positionName } from "./arrangement.js";
import { arrangementOf } from "./attention.js";
import { el, name } from "./dom.js";
import { positionUnder } from "./node_shapes.js";
import { short, signed } from "./numbers.js";

/**
 * The number of a node at the position under the pointer, if it has a map there.
 * @param {import("./scene.js").Scene} scene
 * @param {number} k
 * @param {{x: number, y: number}} pointer
 */
function atPosition(scene, k, pointer) {
  const p = positionUnder(scene, k, pointer);
  if (p < 0) return [];
  const { network, say, state } = scene;
  const a = arrangementOf(network, k);
  const what = { p: positionName(a, p), row: a.row[p], column: a.column[p] };
  const value = signed(scene.map(k, state.maps)[p]);
  return [say(a.pairs ? "pairHas" : "positionHas", { ...what, value })];
}

export class Tip {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * @param {import("./scene.js").Scene} scene
   * @param {{x: number, y: number} | undefined} pointer
   */
  show(scene, pointer) {
    const { state, network, view, say, run, waves, placement, info, corner } = scene;
    const thing = pointer ? state.hover : null;
    this.root.hidden = !thing || !pointer;
    if (!thing || !pointer) return;
    const lines = [];
    if (thing.kind === "neuron") {
      lines.push(
        el("strong", {}, name(network.ids[thing.k])),
        ...atPosition(scene, thing.k, pointer),
        `${say("sends")} ${short(view.a[thing.k])}`,
      );
      if (placement) lines.push(say("workerShort", { worker: placement.worker(info, thing.k) }));
      if (view.u[thing.k] === view.u[thing.k])
        lines.push(`${say("urgency")} ${short(view.u[thing.k])}`);
    } else if (thing.kind === "synapse") {
      const [a, b] = [network.sources[thing.k], network.targets[thing.k]];
      lines.push(
        el("strong", {}, name(network.ids[a]), " → ", name(network.ids[b])),
        network.isInterneuron(b) ? "" : `${say("weight")} ${short(view.weights[thing.k])}`,
        `→ ${short(view.a[a])}`,
      );
      if (placement?.crosses(thing.k))
        lines.push(
          say("fromTo", { from: placement.worker(info, a), to: placement.worker(info, b) }),
        );
      if (waves.urged[a] >= 0) lines.push(`← ${short(run.urgency(view, thing.k))}`);
    } else {
      lines.push(el("strong", { text: say("loss") }), short(view.loss));
    }
    this.root.replaceChildren(...lines.filter((line) => line).map((line) => el("div", {}, line)));
    const [w, h] = [this.root.offsetWidth, this.root.offsetHeight];
    const [x, y] = [pointer.x - corner.x, pointer.y - corner.y]; // on the stage
    const { clientWidth, clientHeight } = /** @type {HTMLElement} */ (this.root.parentElement);
    const left = x + 18 + w > clientWidth ? x - w - 14 : x + 18;
    const top = Math.max(4, Math.min(clientHeight - h - 4, y + 14));
    this.root.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }
}
