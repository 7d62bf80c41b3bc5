// Building and patching elements. Values become text, never markup.

/** Foreign text, harmless: as crate `ingest-core`, shown.rs. */
export const harmless = (text) =>
  String(text).replace(
    /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb]|(?![\u200c\u200d\ufe00-\ufe0f])\p{DI}/gu,
    (found) => `\\u${found.codePointAt(0).toString(16).padStart(4, "0")}`,
  );

/** A copy of a `<template>` and its elements by their `data-part`. */
export function instance(id) {
  const root = document.getElementById(id).content.cloneNode(true);
  const parts = {};
  for (const place of root.querySelectorAll("[data-icon]")) place.prepend(icon(place.dataset.icon));
  for (const element of root.querySelectorAll("[data-part]")) parts[element.dataset.part] = element;
  return { root, parts };
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.map((child) => (child.nodeType ? child : harmless(child))));
  return made;
}

/** Writes only what changed: a node that is left alone costs no layout. */
export function setText(node, text) {
  const shown = harmless(text);
  if (node.textContent !== shown) node.textContent = shown;
}

export function setAttribute(node, name, value) {
  const text = harmless(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** A share of 0 to 1 as the length of a bar; scaled, so nothing is laid out again. */
export function setShare(bar, share) {
  const scale = `scaleX(${Math.min(1, Math.max(0, share || 0)).toFixed(4)})`;
  if (bar.style.transform !== scale) bar.style.transform = scale;
}

export function icon(name) {
  const svg = svgElement("svg", { class: "icon", "aria-hidden": "true" });
  svg.append(svgElement("use", { href: `#i-${name}` }));
  return svg;
}

export function svgElement(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** In place of a view that cannot be shown: why, and where to go from here. Gives its title. */
export function showMissing(main, title, why, back) {
  const head = element("h1", { tabindex: "-1", class: "plain" }, title);
  main.replaceChildren(element("div", { class: "panel lonely" }, head, element("p", {}, why), element("a", { class: "button", href: "#/" }, back)));
  return head;
}

const announcer = document.getElementById("announcer");
let isOfNextView = false;

/** Says something to people who do not see the page; once, and never a stream. */
export function announce(text) {
  isOfNextView = false;
  setText(announcer, text);
}

/** The same of what brings another view. */
export function announceNext(text) {
  announce(text);
  isOfNextView = true;
}

/** What was said of the view before is not said of this one. */
export function announceView() {
  if (!isOfNextView) setText(announcer, "");
  isOfNextView = false;
}
