// What befell a neuron, or the letters along a synapse, in a storm: a section of the panel.

import { el, name, sentence } from "./dom.js";

const MOST_LINES = 12; // lines

/** Deaths of a neuron, if one is given, and the letters along synapses that were lost; nothing if the weather was fine.
 *  @param {import("./panel.js").PanelApp} app @param {number[]} synapses @param {number} [k] @returns {any} */
export function letters(app, synapses, k) {
  const { network, say, storm } = app.scene;
  const lines = [];
  for (const { place, time } of k === undefined ? [] : storm.deaths.filter((death) => death.k === k)) {
    lines.push(el("li", { text: say("befellDeath", { time: seconds(say, time), place: say(`place ${place}`) }) }));
  }
  for (const block of /** @type {const} */ (["forward", "backward"])) {
    for (const s of synapses) {
      const fate = storm.fate(block, s);
      if (!fate) continue;
      const ends = [network.sources[s], network.targets[s]];
      const [from, to] = block === "forward" ? ends : ends.reverse();
      const words = { what: say(block === "forward" ? "activation" : "urgency"), lost: fate.lost.map((time) => seconds(say, time)).join(", "), came: fate.came === null ? "" : seconds(say, fate.came) };
      const text = say(fate.came === null ? "befellLost" : "befellLetter", { ...words, from: "{from}", to: "{to}" });
      lines.push(el("li", { "data-synapse": s }, sentence(text, { from: name(network.ids[from]), to: name(network.ids[to]) })));
    }
  }
  if (!lines.length) return null;
  const more = lines.length > MOST_LINES ? [el("p", { class: "note", text: say("befellMore", { n: lines.length - MOST_LINES }) })] : [];
  return el("section", { class: "befell" }, el("h3", {}, el("span", { class: "what", text: say("befell") })), el("ul", {}, lines.slice(0, MOST_LINES)), more);
}

/** @param {import("./words.js").Say} say @param {number} time */
function seconds(say, time) {
  return `${time.toFixed(3).replace(".", say("point"))}\u00a0s`;
}
