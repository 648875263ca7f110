// Small helpers to build pages. Text always goes in as text, never as markup.

/** The first element that matches `selector`. */
export const $ = (selector, root = document) => root.querySelector(selector);

/** All elements that match `selector`, as an array. */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * Makes an element. `props` are attributes, except `text` (its text), `on` ({event: handler}) and `class`;
 * a value of `false`, `null` or `undefined` leaves the attribute out. Children are nodes or strings.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [type, handler] of Object.entries(value)) node.addEventListener(type, handler);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An element of an SVG drawing with these attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A decorative icon of icons.svg. */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `/static/icons.svg#${name}` }));
}

/** Changes the icon inside `element`. */
export function setIcon(element, name) {
  $("use", element)?.setAttribute("href", `/static/icons.svg#${name}`);
}

/** Replaces the text of every element marked `data-text="name"`. */
export function fill(values, root = document) {
  for (const node of $$("[data-text]", root)) {
    const value = values[node.dataset.text];
    if (value !== undefined && value !== null) node.textContent = String(value);
  }
}

/** Milliseconds as `mm:ss`. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor((Number(ms) || 0) / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
