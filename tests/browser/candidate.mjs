// The candidate's hands and eyes in the page, for every test that plays one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { watch } from "./seen.mjs";

export { ask, captions, energy, look } from "./seen.mjs";

export const STEP_MS = 30_000;

/**
 * Opens Chromium with a WAV file as its microphone.
 * @param {{executablePath: string, microphone?: string, args?: string[], context?: object, complaints?: string[]}} options
 *   `complaints` is filled with what the browser reports as an error
 */
export async function openBrowser({ executablePath, microphone, args = [], context: more = {}, complaints = [] }) {
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
      "--allow-loopback-in-peer-connection",
      "--autoplay-policy=no-user-gesture-required",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["microphone"], ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()} ${message.location().url ?? ""}`);
  });
  page.on("pageerror", (error) => complaints.push(`page: ${error.stack ?? error}`));
  await context.addInitScript(watch);
  return { browser, context, page };
}

export const step = (page, name) => page.waitForSelector(`body[data-step="${name}"]`);

/** From the link to the sound check. */
export async function consent(page, url, seen = async () => {}) {
  await page.goto(url);
  await step(page, "welcome");
  await seen("welcome");
  await page.getByRole("button", { name: "Continue" }).click();
  await step(page, "consent");
  await seen("consent");
  assert.ok((await page.locator("[data-consent-text] p").count()) > 0, "the consent page shows the text");
  await page.getByRole("button", { name: "I agree" }).click();
}

/** Through the sound check into the call. */
export async function checkSound(page, button, seen = async () => {}) {
  await step(page, "check");
  const allow = page.getByRole("button", { name: "Turn on my microphone" });
  // The page opens the microphone by itself where permission was given before.
  await Promise.race([allow.waitFor({ state: "visible" }), page.locator("[data-mic-on]").waitFor({ state: "visible" })]);
  if (await allow.isVisible()) await allow.click({ timeout: 2_000 }).catch(() => {});
  await page.getByText("We hear you").waitFor();
  await seen("sound-check");
  await page.getByRole("button", { name: button }).click();
  await step(page, "call");
}

/** Types an answer and waits until Emma's side has it: the page shows it as provisional, the server's caption makes it final. */
export async function type(page, text) {
  await page.locator("[data-answer]").fill(text);
  await page.locator("[data-answer]").press("Enter");
  await page.locator(".line.candidate:not(.partial)", { hasText: text }).waitFor();
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails where this state of the page keeps somebody out: WCAG 2.2 A and AA, as far as a program can tell. */
export async function audit(page, name) {
  // Evaluated, not added as an element: the page's own policy lets no foreign script in.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return found.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ""}`) }));
  });
  assert.deepEqual(violations, [], `${name}: nothing keeps anybody out`);
}
