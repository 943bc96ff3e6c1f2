// Makes elements; text of a log becomes text, never HTML.

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on…` are listeners; class, text, data
 * @param {...any} children
 * @returns {any}
 */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/**
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children
 * @returns {any}
 */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function filled(
  /** @type {any} */ node,
  /** @type {Record<string, any>} */ props,
  /** @type {any[]} */ children,
) {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "text") node.textContent = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/**
 * A neuron's name, which cannot change the direction of the text around it.
 * @param {string} name
 */
export function name(name) {
  return el("bdi", { text: name, class: "name", title: name.length > 24 ? name : null });
}

/**
 * Fill elements into a sentence: "{name} sends" with {name: <bdi>}.
 * @param {string} template a sentence with braces
 * @param {Record<string, any>} parts
 * @returns {any[]}
 */
export function sentence(template, parts) {
  return template.split(/(\{\w+\})/).map((piece) => {
    if (!piece.startsWith("{")) return piece;
    const part = parts[piece.slice(1, -1)] ?? "";
    return part instanceof Node ? part.cloneNode(true) : part; // it may occur twice
  });
}

/** @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}
