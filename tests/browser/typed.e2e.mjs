// A short interview without a microphone, as a page that is not secure leaves it: Emma is heard and read, answers are
// typed, and the page says how to get a microphone.
//
//   node typed.e2e.mjs --url http://ADDRESS:PORT/i/TOKEN [--shots DIR]

// spec: CALL-11, UI-1

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { audit, consent, energy, openBrowser, step, type } from "./candidate.mjs";

const ANSWER = "I would rather type: I kept the ledger in PostgreSQL and wrote the retries in Rust.";
const TURN_MS = 120_000;

const { values: options } = parseArgs({ options: { url: { type: "string" }, shots: { type: "string" }, chromium: { type: "string", default: "/usr/bin/chromium" } } });
const complaints = [];
const { browser, page } = await openBrowser({ executablePath: options.chromium, complaints, context: { permissions: [] } });
const note = async (name) => {
  if (options.shots) {
    mkdirSync(options.shots, { recursive: true });
    await page.screenshot({ path: join(options.shots, `typed-${name}.png`) });
  }
  await audit(page, name);
};

try {
  await consent(page, options.url, async (name) => {
    if (name === "welcome") {
      const { protocol, host } = new URL(await page.getByRole("link", { name: "its secure address" }).evaluate((link) => link.href));
      assert.deepEqual([protocol, host], ["https:", new URL(options.url).host], "the same server over https");
    }
    await note(name);
  });
  await step(page, "check");
  await page.getByRole("heading", { name: "To speak, use the secure address" }).waitFor();
  const secure = await page.getByRole("link", { name: "Open the secure address" }).evaluate((link) => link.href);
  assert.equal(new URL(secure).pathname, new URL(page.url()).pathname, "the secure address is that of this very interview");
  await note("insecure");
  await page.getByRole("button", { name: "Continue without a microphone" }).click();
  await step(page, "call");
  await page.locator(".line.emma").first().waitFor({ timeout: TURN_MS });
  await page.waitForFunction(() => /Topic 1/.test(document.querySelector("[data-topic]").textContent) && document.body.dataset.state === "listening", null, { timeout: TURN_MS });
  await note("call");
  assert.ok((await energy(page)) > 0, "Emma's voice arrived");
  await page.getByRole("button", { name: "Use microphone" }).click();
  await page.getByText("This address is not secure").waitFor();
  const before = await page.locator(".line.emma").count();
  await type(page, ANSWER);
  await page.waitForFunction((count) => document.querySelectorAll(".line.emma").length > count, before, { timeout: TURN_MS });
  await page.getByRole("button", { name: "End", exact: true }).click();
  await page.getByRole("button", { name: "End the interview" }).click();
  await step(page, "goodbye");
  assert.deepEqual(complaints, [], "the browser reported no errors");
  console.log("passed: typed, on a page that is not secure");
} catch (error) {
  if (options.shots) await page.screenshot({ path: join(options.shots, "typed-failed.png") }).catch(() => {});
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}
