// On what machines the society lived, where the log tells of several: each neuron in a shard, each step on a replica.

import { whole } from "./data.js";

const MOST_TWINS = 6; // that are named

export class Machines {
  /** @param {{replicas: number, shards: number, shard: string}} raw @param {import("./data.js").Network} network */
  constructor(raw, network) {
    this.replicas = raw.replicas;
    this.shards = raw.shards;
    this.shard = whole(raw.shard);
    this._network = network;
    /** how many synapses lead from one shard to another, of those that the page carries */
    this.crossing = network.sources.reduce((sum, _, s) => sum + (this.crosses(s) ? 1 : 0), 0);
    /** how many neurons, inputs among them, each shard holds */
    this.sizes = new Array(this.shards).fill(0);
    for (const shard of this.shard) this.sizes[shard] += 1;
  }

  /** Where a neuron lived that took part in a step. @param {any} info @param {number} k */
  worker(info, k) {
    return this.of(info, this.shard[k]);
  }

  /** Who did a shard's part of a step. @param {any} info @param {number} shard */
  of(info, shard) {
    return info.replica * this.shards + shard;
  }

  /** Whether a synapse's messages travel between machines. @param {number} s */
  crosses(s) {
    return this.shard[this._network.sources[s]] !== this.shard[this._network.targets[s]];
  }
}

/** In words: where a neuron lived in a step, and where its twins did. @param {import("./words.js").Say} say @param {Machines} machines @param {any} info @param {number} k */
export function home(say, machines, info, k) {
  const shard = machines.shard[k];
  const here = say("livesOn", { worker: machines.worker(info, k), replica: info.replica, shard });
  const others = Array.from({ length: machines.replicas }, (_, replica) => replica * machines.shards + shard).filter((_, replica) => replica !== info.replica);
  if (!others.length) return here;
  const few = others.length > MOST_TWINS ? `${others.slice(0, MOST_TWINS).join(", ")}, …` : others.join(", ");
  return here + say(others.length === 1 ? "twinOn" : "twinsOn", { workers: few });
}

/** In words: which micro-batch a step was, and who did it; nothing in a step of one process that is none.
 *  @param {import("./words.js").Say} say @param {Machines | null} machines @param {any} info */
export function shareOf(say, machines, info) {
  const parts = [];
  if (info.microBatch) parts.push(say("microBatch", { n: info.microBatch[0], total: info.microBatch[1] }));
  if (machines && machines.replicas > 1) parts.push(say("onReplica", { replica: info.replica }));
  return parts.join(", ");
}
