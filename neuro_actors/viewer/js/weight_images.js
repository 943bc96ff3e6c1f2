// The weights of a neuron that a picture leads to, as images.

import { el } from "./dom.js";
import { rounded, shown } from "./numbers.js";
import { at, byPixel, signedImage } from "./pictures.js";

/**
 * The weights of a neuron that the picture leads to, as images.
 * @param {import("./panel.js").PanelApp} app
 * @param {number} k
 */
export function weightImages(app, k) {
  const { scene } = app;
  const { run, network, view, say, info } = scene;
  const pixels = run.picture && scene.pixelOf();
  if (!pixels || ![...network.incoming(k)].some((s) => pixels.has(network.sources[s]))) return null;
  const shownImages = [
    ["imageWeights", byPixel(scene, k, (s) => view.weights[s])],
    ["imageProducts", byPixel(scene, k, (s) => view.weights[s] * view.a[network.sources[s]])],
    info.loss === null || view.odd.has(k)
      ? null
      : [view.isMean ? "meanWant" : "imageWants", byPixel(scene, k, (s) => run.want(view, s))],
  ].filter((pair) => pair !== null);
  return el(
    "div",
    { class: "images" },
    shownImages.map(([key, values]) => {
      const numbers = /** @type {Float64Array} */ (values);
      const most = numbers.reduce((top, v) => (v === v ? Math.max(top, Math.abs(v)) : top), 0);
      const canvas = signedImage(scene, at(numbers), most);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", say(String(key)));
      return el(
        "figure",
        {},
        canvas,
        el("figcaption", { text: say(String(key)) }),
        el("p", { class: "reach", text: `± ${shown(rounded(most, 2))}` }),
      );
    }),
  );
}
