// Lists of workers with their colours, above the stage and in the panel.

import { WORKERS } from "./colours.js";
import { el } from "./dom.js";
import { count } from "./numbers.js";

/**
 * List the workers of a step, one per shard.
 * @param {import("./words.js").Say} say
 * @param {import("./placement.js").Placement} placement
 * @param {any} info
 * @param {number} most
 */
export function stepWorkers(say, placement, info, most) {
  const few = Array.from({ length: Math.min(placement.shards, most) }, (_, shard) => shard);
  const lines = few.map((shard) =>
    line(
      placement.workerOf(info, shard),
      say("workerShard", { worker: placement.workerOf(info, shard), shard }),
    ),
  );
  return placement.shards > most
    ? [...lines, el("li", { text: say("andMoreOf", { n: placement.shards - most }) })]
    : lines;
}

/**
 * List all workers with their numbers of neurons.
 * @param {import("./words.js").Say} say
 * @param {import("./placement.js").Placement} placement
 * @param {number} most
 */
export function workerList(say, placement, most) {
  const all = placement.replicas * placement.shards;
  const lines = Array.from({ length: Math.min(all, most) }, (_, worker) => {
    const shard = worker % placement.shards;
    return line(
      worker,
      say(
        "workerHas",
        {
          worker,
          replica: Math.floor(worker / placement.shards),
          shard,
          n: count(placement.sizes[shard]),
        },
      ),
    );
  });
  if (all > most) lines.push(el("li", { text: say("andMoreOf", { n: count(all - most) }) }));
  return el("ul", { class: "workerlist" }, lines);
}

function line(/** @type {number} */ worker, /** @type {string} */ text) {
  return el("li", {}, swatch(worker), el("span", { text }));
}

/** @param {number} worker */
export function swatch(worker) {
  return el("span", { class: `swatch w${worker % WORKERS}`, "aria-hidden": "true" });
}
