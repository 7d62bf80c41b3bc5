// A state of the page, looked at in both schemes and on both sizes of screen.

import assert from "node:assert/strict";

const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 900 };

/** Runs in the page: what a pill says does not lie on what is beside it. */
function pillsOutside() {
  const isOutside = (pill) => pill.checkVisibility() && pill.getBoundingClientRect().right > pill.parentElement.getBoundingClientRect().right + 0.5;
  return [...document.querySelectorAll(".pill")].filter(isOutside).map((pill) => pill.textContent);
}

/** Whole for everybody, and no wider than the screen; with pictures. */
export async function look(watched, state, picture = {}) {
  const { page } = watched;
  for (const size of [DESK, PHONE]) {
    await page.setViewport(size);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
      await watched.scan(`${state}, ${scheme}, ${size.width} pixels`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), size.width, `${state} is wider than ${size.width} pixels`);
      assert.deepEqual(await page.evaluate(pillsOutside), [], `${state}, ${size.width} pixels`);
      if (size === DESK && scheme === "light") await watched.shot(state, picture);
      if (size === PHONE && scheme === "dark") await watched.shot(`${state}-phone`);
    }
  }
  await page.setViewport(DESK);
}
