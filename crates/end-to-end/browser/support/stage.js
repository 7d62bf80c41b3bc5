// What every file of tests begins with: the product, and a browser to look at it.

import { after, before } from "node:test";

import { launch } from "./browser.js";
import { Product } from "./product.js";

/** Both, for the tests of one `describe`: `prepare` gets the product, before the browser is there. */
export function onStage(prepare, settings = {}) {
  const stage = { product: null, browser: null };
  before(async () => {
    stage.product = await Product.start(settings);
    await prepare(stage.product);
    stage.browser = await launch();
  });
  after(async () => {
    await stage.browser?.close();
    await stage.product?.stop();
  });
  return stage;
}
