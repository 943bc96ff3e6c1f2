// A section of the panel: the faults of a neuron, or of a synapse's messages.

import { el, name, sentence } from "./dom.js";

const MOST_LINES = 12;

/**
 * List the crashes of a neuron, if one is given, and the lost messages of synapses; null if there
 * are none.
 * @param {import("./panel.js").PanelApp} app
 * @param {number[]} synapses
 * @param {number} [k]
 * @returns {any}
 */
export function faultList(app, synapses, k) {
  const { network, say, faults, waves } = app.scene;
  const lines = [];
  const crashes = k === undefined ? [] : faults.crashes.filter((crash) => crash.k === k);
  for (const { place, time } of crashes) {
    lines.push(
      el(
        "li",
        {
          text: say("faultCrash", { time: formatSeconds(say, time), place: say(`place ${place}`) }),
        },
      ),
    );
  }
  for (const route of /** @type {const} */ (["forward", "backward"])) {
    for (const s of synapses) {
      const delivery = faults.delivery(route, s);
      if (!delivery) continue;
      const ends = [network.sources[s], network.targets[s]];
      const [from, to] = route === "forward" ? ends : ends.reverse();
      // where no urgency is due, an acknowledgement goes the same way
      const isBare = route === "backward" && waves.urged[network.sources[s]] < 0;
      const words = {
        what: say(route === "forward" ? "activation" : "urgency"),
        lost: delivery.lost.map((time) => formatSeconds(say, time)).join(", "),
        arrived: delivery.arrived === null ? "" : formatSeconds(say, delivery.arrived),
      };
      const text = say(
        isBare
          ? delivery.arrived === null ? "faultBareLost" : "faultBareArrived"
          : delivery.arrived === null ? "faultLost" : "faultArrived",
        { ...words, from: "{from}", to: "{to}" },
      );
      lines.push(
        el(
          "li",
          { "data-synapse": s },
          sentence(text, { from: name(network.ids[from]), to: name(network.ids[to]) }),
        ),
      );
    }
  }
  if (!lines.length) return null;
  const more = lines.length > MOST_LINES
    ? [el("p", { class: "note", text: say("andMoreOf", { n: lines.length - MOST_LINES }) })]
    : [];
  return el(
    "section",
    { class: "faultlist" },
    el("h3", {}, el("span", { class: "what", text: say("faults") })),
    el("ul", {}, lines.slice(0, MOST_LINES)),
    more,
  );
}

/** @param {import("./words.js").Say} say @param {number} time */
function formatSeconds(say, time) {
  return `${time.toFixed(3).replace(".", say("point"))}\u00a0${say("virtualSeconds")}`;
}
