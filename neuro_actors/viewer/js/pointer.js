// The pointer on the stage: it hovers and chooses; the wheel and two fingers zoom, dragging pans.

import { byId } from "./dom.js";
import { positionUnder } from "./node_shapes.js";
import { pan, zoomAt } from "./zoom.js";

const DRAG = 4; // pixels: less is a click
const WHEEL = 0.0016; // zoom per pixel of the wheel
const WHEEL_LINE = 16; // pixels of a line, for wheels that count lines

/** @param {any} app */
export function onPointer(app) {
  const canvas = byId("above");
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  let dragged = false;
  const onStage = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const inLayout = (/** @type {{x: number, y: number}} */ at) => {
    const { x, y } = app.corner();
    return { x: at.x + x, y: at.y + y };
  };
  const same = (
    /** @type {any} */ a,
    /** @type {any} */ b,
  ) => a?.kind === b?.kind && a?.k === b?.k;
  const hover = (/** @type {{x: number, y: number}} */ at) => {
    app.pointer = inLayout(at);
    const thing = app.drawn ? app.stage.hit(app.drawn, app.pointer.x, app.pointer.y) : null;
    canvas.classList.toggle("pointing", thing !== null);
    if (!same(thing, app.state.hover)) app.set({ hover: thing });
    else if (thing) app.redraw();
  };
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button) return;
    if (!down.size) dragged = false;
    down.set(event.pointerId, onStage(event));
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const at = onStage(event);
    const before = down.get(event.pointerId);
    if (!before) {
      hover(at);
      return;
    }
    const others = [...down].filter(([id]) => id !== event.pointerId).map(([, one]) => one);
    const { zoom } = app.state;
    if (others.length) {
      const [other] = others;
      const apart = (/** @type {{x: number, y: number}} */ one) =>
        Math.max(8, Math.hypot(one.x - other.x, one.y - other.y));
      const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
      const moved = pan(zoom, (at.x - before.x) / 2, (at.y - before.y) / 2, app.stage);
      const size = { width: app.stage.width, height: app.stage.height };
      dragged = true;
      app.set({ zoom: zoomAt(moved, apart(at) / apart(before), { ...middle, ...size }) });
    } else if (dragged || Math.hypot(at.x - before.x, at.y - before.y) > DRAG) {
      if (zoom.by > 1 && !dragged) canvas.setPointerCapture(event.pointerId);
      dragged = true;
      if (zoom.by > 1) app.set({ zoom: pan(zoom, at.x - before.x, at.y - before.y, app.stage) });
    } else return;
    down.set(event.pointerId, at);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, (/** @type {PointerEvent} */ event) =>
      down.delete(event.pointerId),
    );
  canvas.addEventListener("pointerleave", () => {
    app.pointer = undefined;
    if (app.state.hover) app.set({ hover: null });
  });
  canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (dragged) {
      dragged = false;
      return;
    }
    const at = inLayout(onStage(event));
    if (!app.drawn) return;
    const thing = app.stage.hit(app.drawn, at.x, at.y);
    const position = thing?.kind === "neuron" ? positionUnder(app.drawn, thing.k, at) : -1;
    app.choose(thing);
    if (position >= 0) app.choosePosition(thing.k, position);
  });
  canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    // On a narrow screen the page itself scrolls: there the wheel zooms with Ctrl, or once zoomed.
    const scrolls = document.documentElement.scrollHeight > window.innerHeight + 1;
    if (scrolls && !event.ctrlKey && app.state.zoom.by === 1) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? WHEEL_LINE : 1) * (event.ctrlKey ? 4 : 1);
    app.zoomBy(Math.exp(-pixels * WHEEL), onStage(event));
  }, { passive: false });
}
