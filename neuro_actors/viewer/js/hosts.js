// The workers with their colours, as a list beside the stage and in the panel.

import { WORKERS } from "./colours.js";
import { el } from "./dom.js";
import { count } from "./numbers.js";

/** Who does a step: a worker a shard. @param {import("./words.js").Say} say @param {import("./machines.js").Machines} machines @param {any} info
 *  @param {number} most */
export function chips(say, machines, info, most) {
  const few = Array.from({ length: Math.min(machines.shards, most) }, (_, shard) => shard);
  const lines = few.map((shard) => line(machines.of(info, shard), say("workerShard", { worker: machines.of(info, shard), shard })));
  return machines.shards > most ? [...lines, el("li", { text: say("befellMore", { n: machines.shards - most }) })] : lines;
}

/** All workers, with how many neurons each. @param {import("./words.js").Say} say @param {import("./machines.js").Machines} machines
 *  @param {number} most */
export function hostList(say, machines, most) {
  const all = machines.replicas * machines.shards;
  const lines = Array.from({ length: Math.min(all, most) }, (_, worker) => {
    const shard = worker % machines.shards;
    return line(worker, say("workerHolds", { worker, replica: Math.floor(worker / machines.shards), shard, n: count(machines.sizes[shard]) }));
  });
  if (all > most) lines.push(el("li", { text: say("befellMore", { n: count(all - most) }) }));
  return el("ul", { class: "hosts" }, lines);
}

function line(/** @type {number} */ worker, /** @type {string} */ text) {
  return el("li", {}, swatch(worker), el("span", { text }));
}

/** @param {number} worker */
export function swatch(worker) {
  return el("span", { class: `swatch w${worker % WORKERS}`, "aria-hidden": "true" });
}
