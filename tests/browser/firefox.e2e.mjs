// A short interview in Firefox, driven over WebDriver BiDi: spoken and typed answers, captions, Emma's voice, goodbye.
// scripts/try-firefox gives it a microphone that speaks.
//
//   node firefox.e2e.mjs --modules DIR_WITH_PUPPETEER --url LINK --recruiter TOKEN --say 'COMMAND THAT SPEAKS ONE ANSWER'
//     [--shots DIR] [--firefox /usr/bin/firefox-esr]

// spec: UI-1, CALL-1, CALL-11

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ask, captions, energy, look, watch } from "./seen.mjs";

const TYPED = "I prefer to type this one: I kept the ledger in PostgreSQL and wrote the retries in Rust.";
const TURN_MS = 120_000;

const { values: options } = parseArgs({
  options: { modules: { type: "string" }, url: { type: "string" }, recruiter: { type: "string" }, say: { type: "string" }, shots: { type: "string" }, firefox: { type: "string", default: "/usr/bin/firefox-esr" } },
});
const { default: puppeteer } = createRequire(join(resolve(options.modules), "modules.cjs"))("puppeteer-core");
const startedAt = Date.now();
const say = (text) => console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const complaints = [];

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: options.firefox,
  headless: true,
  protocolTimeout: TURN_MS,
  extraPrefsFirefox: {
    // Instead of the person who clicks "Allow".
    "media.navigator.permission.disabled": true,
    "media.getusermedia.insecure.enabled": false,
    // Candidates of this machine itself are left out by default; the server may be on it.
    "media.peerconnection.ice.loopback": true,
    "media.autoplay.default": 0,
  },
});

async function picture(page, name) {
  if (!options.shots) return;
  mkdirSync(options.shots, { recursive: true });
  await page.screenshot({ path: join(options.shots, `firefox-${name}.png`) });
}

async function until(page, what, wanted, ms = TURN_MS) {
  const end = Date.now() + ms;
  let now;
  while (Date.now() < end) {
    now = await look(page);
    if (wanted(now)) return now;
    await sleep(150);
  }
  throw new Error(`${what}: not within ${ms / 1000} s; the page is at ${JSON.stringify(now)}`);
}

/** Clicks what `selector` names once it can be seen. */
async function click(page, selector) {
  await page.waitForSelector(selector, { visible: true, timeout: 30_000 });
  await page.click(selector);
}

const step = (page, name) => page.waitForSelector(`body[data-step="${name}"]`, { timeout: 30_000 });

/** Speaks one answer into the microphone; resolves when it is over. */
const speak = () =>
  new Promise((done, failed) => {
    spawn("sh", ["-c", options.say], { stdio: ["ignore", "ignore", "inherit"] }).on("exit", (code) => (code === 0 ? done() : failed(new Error(`--say ended with ${code}`))));
  });

const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 800 });
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
try {
  await page.evaluateOnNewDocument(watch);
  await page.goto(options.url);
  await step(page, "welcome");
  await picture(page, "welcome");
  await click(page, '[data-go="consent"]');
  await step(page, "consent");
  await click(page, "[data-consent-form] [type=submit]");
  await step(page, "check");
  const allow = await page.$("[data-mic-allow]");
  if (await allow.isVisible()) await allow.click();
  await page.waitForSelector("[data-mic-on]:not([hidden])", { timeout: 30_000 });
  await Promise.all([speak(), page.waitForSelector(".heard.yes", { timeout: 30_000 })]);
  await picture(page, "sound-check");
  await click(page, "[data-start]");
  await step(page, "call");
  await until(page, "Emma's first words", (now) => now.emma > 0);
  say("Emma speaks");
  await until(page, "the greeting is over", (now) => now.state === "listening");
  await page.type("[data-answer]", "Yes, I am ready.");
  await page.keyboard.press("Enter");
  await until(page, "the first question", (now) => now.topic === 1 && now.state === "listening");
  await picture(page, "question");
  say("speaking an answer");
  await speak();
  await until(page, "the spoken answer's caption", (now) => now.candidate > 1);
  await until(page, "Emma answers", (now) => now.state === "speaking");
  say(`captioned: ${(await captions(page)).filter(([who]) => who === "candidate").at(-1)?.[1]}`);
  await until(page, "Emma listens again", (now) => now.state === "listening");
  const before = (await look(page)).emma;
  say("typing an answer");
  await page.type("[data-answer]", TYPED);
  await page.keyboard.press("Enter");
  await until(page, "Emma answers the typed answer", (now) => now.emma > before);
  assert.ok((await captions(page)).some(([who, text]) => who === "candidate" && text === TYPED), "the typed answer is among the captions");
  const heard = await energy(page);
  assert.ok(heard > 0, "Emma's voice arrived");
  await picture(page, "typed");
  await click(page, "[data-end]");
  await click(page, '[data-dialog="end"] [data-confirm]');
  await step(page, "goodbye");
  await picture(page, "goodbye");

  const { origin, pathname } = new URL(page.url());
  const interview = await (await fetch(`${origin}/api/v1/interviews/${pathname.split("/").pop()}`)).json();
  assert.equal(interview.status, "finished");
  const { body } = await ask(origin, options.recruiter, `/calls/${interview.call_id}/transcript`);
  const segments = Array.isArray(body) ? body : body.segments;
  assert.ok(segments.some((one) => one.speaker === "candidate" && !one.typed && one.text.trim()), "a spoken answer is stored");
  assert.ok(segments.some((one) => one.typed && one.text === TYPED), "the typed answer is stored");
  assert.deepEqual(complaints, [], "the browser reported no errors");
  say(`passed in Firefox ${await browser.version()}: ${segments.length} segments`);
} catch (error) {
  await picture(page, "failed").catch(() => {});
  console.error(complaints.join("\n"));
  throw error;
} finally {
  await browser.close();
}
