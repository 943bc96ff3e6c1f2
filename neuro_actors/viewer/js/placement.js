// Which worker runs which neuron in which step, for a run on several workers: each neuron is in a
// shard, each step runs on a replica.

import { whole } from "./packed.js";

const MOST_REPLICAS = 6; // the most whose workers are named

export class Placement {
  /**
   * @param {{replicas: number, shards: number, shard: string}} raw
   * @param {import("./network.js").Network} network
   */
  constructor(raw, network) {
    this.replicas = raw.replicas;
    this.shards = raw.shards;
    this.shard = whole(raw.shard);
    this._network = network;
    /** how many synapses lead from one shard to another, of those that the page contains */
    this.crossing = network.sources.reduce((sum, _, s) => sum + (this.crosses(s) ? 1 : 0), 0);
    /** how many neurons each shard has, including inputs */
    this.sizes = new Array(this.shards).fill(0);
    for (const shard of this.shard) this.sizes[shard] += 1;
  }

  /** The worker that runs a neuron in a step. @param {any} info @param {number} k */
  worker(info, k) {
    return this.workerOf(info, this.shard[k]);
  }

  /** The worker that runs a shard in a step. @param {any} info @param {number} shard */
  workerOf(info, shard) {
    return info.replica * this.shards + shard;
  }

  /** Whether a synapse's messages travel between workers. @param {number} s */
  crosses(s) {
    return this.shard[this._network.sources[s]] !== this.shard[this._network.targets[s]];
  }
}

/**
 * Describe where a neuron runs in a step, and where its other replicas are.
 * @param {import("./words.js").Say} say
 * @param {Placement} placement
 * @param {any} info
 * @param {number} k
 */
export function describePlace(say, placement, info, k) {
  const shard = placement.shard[k];
  const here = say("runsOn", { worker: placement.worker(info, k), replica: info.replica, shard });
  const others = Array.from(
    { length: placement.replicas },
    (_, replica) => replica * placement.shards + shard,
  ).filter((_, replica) => replica !== info.replica);
  if (!others.length) return here;
  const few = others.length > MOST_REPLICAS
    ? `${others.slice(0, MOST_REPLICAS).join(", ")}, …`
    : others.join(", ");
  return here + say(others.length === 1 ? "replicaOn" : "replicasOn", { workers: few });
}

/**
 * Describe which micro-batch a step is and which replica runs it; empty if there is nothing to say.
 * @param {import("./words.js").Say} say
 * @param {Placement | null} placement
 * @param {any} info
 */
export function describeShare(say, placement, info) {
  const parts = [];
  if (info.microBatch)
    parts.push(say("microBatch", { n: info.microBatch[0], total: info.microBatch[1] }));
  if (placement && placement.replicas > 1) parts.push(say("onReplica", { replica: info.replica }));
  return parts.join(", ");
}
