// Markup and style that most visits do not need: fetched when somebody does.

import { call } from "./api.js";
import { element } from "./dom.js";

const equipped = new Map();

/** Once for each name. */
export function equip(name, ...more) {
  if (!equipped.has(name)) equipped.set(name, Promise.all([markup(name), ...more.map(style)]));
  return equipped.get(name).catch((error) => {
    equipped.delete(name);
    throw error;
  });
}

async function markup(name) {
  const answer = await call(`/batch-sync/${name}.html`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.body.append(...page.querySelectorAll("template"));
}

function style(name) {
  const link = element("link", { rel: "stylesheet", href: `/batch-sync/${name}.css` });
  const loaded = new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => reject(new Error("the server cannot be reached"));
  });
  document.head.append(link);
  return loaded;
}
