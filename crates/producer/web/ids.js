// The file with the ids of the records of a run, of a load that asks for it.

import { element, icon, setText } from "./dom.js";
import { offer } from "./download.js";
import { grouped } from "./figures.js";

/** Among the details, once there is something to download. */
export function showIds(details, run, { ids }) {
  const count = details.querySelector("[data-detail=ids] .rows") ?? add(details, run);
  setText(count, `of ${grouped(ids)} ${ids === 1 ? "row" : "rows"}`);
}

function add(details, run) {
  const hint = element("span", { class: "hint", role: "status" });
  const link = element("a", { class: "button", download: "", "aria-label": "Download the ids" }, icon("down"), "Download");
  const count = element("span", { class: "rows" });
  offer(link, `/api/sync/${encodeURIComponent(run)}/ids`, `ids-${run}.csv`, hint);
  details.append(element("div", {}, element("dt", {}, "Ids file"), element("dd", { "data-detail": "ids" }, link, " ", count, " ", hint)));
  return count;
}
