// The faults of a step, for unreliable channels: messages that were lost and sent again, neurons
// that
// crashed and restarted.

/**
 * When a message was lost, and when the one that arrived was sent; null if none arrived.
 * @typedef {{lost: number[], arrived: number | null}} Delivery
 */
/** @typedef {{k: number, place: string, time: number, wave: number}} Crash `k` is n for the loss */
/**
 * @typedef {"inputs" | "forward" | "to_loss" | "to_environment" | "backward" | "loss_to_outputs"}
 *   Route
 */

const ROUTES = ["inputs", "forward", "to_loss", "to_environment", "backward", "loss_to_outputs"];
const RECEIVING = ["before receive", "after receive", "before fire"];
const SENDING = ["between activations", "at the deadline", "between repeats"];

/** The faults of one step. */
export class StepFaults {
  /**
   * @param {any} raw the faults in the page's data; undefined if the step has none
   * @param {import("./network.js").Network} network
   * @param {import("./waves.js").Waves} waves
   */
  constructor(raw, network, waves) {
    /** how many messages were lost before they arrived */
    this.lost = raw?.lost ?? 0;
    this._deliveries = new Map();
    for (const route of ROUTES) {
      for (const [which, lost, arrived] of raw?.[route] ?? [])
        this._deliveries.set(`${route} ${which}`, { lost, arrived });
    }
    /** @type {Crash[]} */
    this.crashes = (raw?.died ?? []).map(
      (/** @type {[number, string, number]} */ [k, place, time]) => (
        { k, place, time, wave: crashWave(network, waves, k, place) }
      ),
    );
  }

  /**
   * @param {Route} route
   * @param {number} which
   * @returns {Delivery | undefined} undefined if it arrived at once
   */
  delivery(route, which) {
    return this._deliveries.get(`${route} ${which}`);
  }

  /**
   * The deliveries of several messages that are drawn as one.
   * @param {Route} route
   * @param {number[]} which
   * @returns {Delivery | undefined}
   */
  joinedDelivery(route, which) {
    const deliveries = which.map((one) => this.delivery(route, one)).filter((delivery) =>
      delivery !== undefined,
    );
    return deliveries.length
      ? {
        lost: deliveries.flatMap((delivery) => delivery.lost),
        arrived: Math.max(...deliveries.map((delivery) => delivery.arrived ?? 0)),
      }
      : undefined;
  }

  /**
   * How many messages of a wave were lost, and the crashes in it.
   * @param {import("./waves.js").Waves} waves
   * @param {number} wave
   * @param {import("./network.js").Network} network
   */
  inWave(waves, wave, network) {
    const rows = network.outputs.map((_, row) => row);
    /** @type {[Route, number[]][]} */
    const travel = [
      ["forward", waves.forward[wave] ?? []],
      ["backward", waves.backward[wave] ?? []],
    ];
    if (wave === 0) travel.push(["inputs", network.inputs]);
    if (waves.fromLoss < 0)
      travel.push(
        ["to_environment", rows.filter((row) => waves.sends[network.outputs[row]] === wave)],
      );
    else travel.push(["to_loss", rows.filter((row) => waves.sends[network.outputs[row]] === wave)]);
    if (wave === waves.fromLoss) travel.push(["loss_to_outputs", rows]);
    const lost = travel.reduce(
      (sum, [route, which]) => sum + which.filter((one) => this.delivery(route, one)).length,
      0,
    );
    return { lost, crashes: this.crashes.filter((crash) => crash.wave === wave) };
  }
}

/**
 * The wave in which a member crashed.
 * @param {import("./network.js").Network} network
 * @param {import("./waves.js").Waves} waves
 * @param {number} k
 * @param {string} place
 */
export function crashWave(network, waves, k, place) {
  const last = waves.count - 1;
  if (k >= network.n)
    return Math.min(
      last,
      RECEIVING.includes(place) ? waves.toLoss : waves.fromLoss < 0 ? last : waves.fromLoss,
    );
  if (RECEIVING.includes(place)) return Math.max(0, waves.sends[k] - 1);
  if (SENDING.includes(place)) return Math.min(last, waves.sends[k]);
  if (waves.urged[k] < 0) return last;
  return Math.min(last, place === "before respond" ? waves.urged[k] : waves.urged[k] + 1);
}

/**
 * Describe a wave's faults in a sentence; empty if there are none.
 * @param {import("./words.js").Say} say
 * @param {StepFaults} faults
 * @param {import("./waves.js").Waves} waves
 * @param {number} wave
 * @param {import("./network.js").Network} network
 */
export function describeFaults(say, faults, waves, wave, network) {
  const { lost, crashes } = faults.inWave(waves, wave, network);
  const parts = [];
  if (lost) parts.push(say(lost === 1 ? "lostOne" : "lostSeveral", { n: lost }));
  const names = [
    ...new Set(
      crashes.map((crash) => (crash.k < network.n ? network.ids[crash.k] : say("lossNode"))),
    ),
  ];
  if (names.length)
    parts.push(
      say(names.length === 1 ? "crashOne" : "crashSeveral", { name: names[0], n: names.length }),
    );
  return parts.join(" · ");
}
