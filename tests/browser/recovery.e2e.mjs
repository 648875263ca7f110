// A short interview in a real browser that goes through what can go wrong: the server is killed while the candidate
// speaks, the page is loaded again in the middle, and nothing gets through for ten seconds.
//
//   node recovery.e2e.mjs --emma PATH_OF_EMMA --data EMPTY_DIR --wav answer.wav [--shots DIR]
//     [--host ADDRESS --unplug COMMAND --plug COMMAND]
//
// With --host the server listens on all addresses and is opened at this one, over https; --unplug and --plug take the
// network away and give it back. Without them the server stands still instead, which looks the same from the page.

// spec: CALL-6, CALL-7, CALL-8, CONV-6, UI-1

import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ask, audit, captions, checkSound, consent, look, openBrowser, step, type } from "./candidate.mjs";
import { Server, freePort } from "./server.mjs";
import { writeMicrophone } from "./wav.mjs";

const ANSWERS = [
  "I ran the payments service for two years: I designed the retries, and I was on call for it every third week.",
  "My part was the ledger. I wrote it in Rust, measured it, and brought the slowest request from two seconds to eighty milliseconds.",
  "When the database failed I moved the writes to a queue first and told everybody affected within ten minutes.",
];
/** Between the kill and the next start. The page has to notice meanwhile. */
const DOWN_MS = 6_000;
const SILENT_MS = 10_000;
const BACK_MS = 75_000;
const TURN_MS = 90_000;

const { values: options } = parseArgs({
  options: { emma: { type: "string" }, data: { type: "string" }, wav: { type: "string" }, shots: { type: "string" }, chromium: { type: "string", default: "/usr/bin/chromium" }, host: { type: "string" }, unplug: { type: "string" }, plug: { type: "string" } },
});
for (const needed of ["emma", "data", "wav"]) if (!options[needed]) throw new Error(`--${needed} is missing`);

const startedAt = Date.now();
const say = (text) => console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let shot = 0;

async function picture(page, name) {
  if (!options.shots) return;
  mkdirSync(options.shots, { recursive: true });
  shot += 1;
  await page.screenshot({ path: join(options.shots, `recovery-${String(shot).padStart(2, "0")}-${name}.png`) });
}

/** Waits until what the call looks like satisfies `wanted`. */
async function until(page, what, wanted, ms = TURN_MS) {
  const end = Date.now() + ms;
  let now;
  while (Date.now() < end) {
    now = await look(page);
    if (wanted(now)) return now;
    await sleep(100);
  }
  throw new Error(`${what}: not within ${ms / 1000} s; the page is at ${JSON.stringify(now)}`);
}

/** Emma has asked and waits for an answer. */
const listens = (page) => until(page, "Emma listens", (now) => now.state === "listening" && now.emma > 0 && !now.banner);

/** The connection is gone and comes back by itself; what was said before is still there, once. */
async function goneAndBack(page, name, breakIt) {
  const before = await captions(page);
  const { topic } = await look(page);
  await breakIt(async () => {
    const noticed = Date.now();
    await until(page, `${name}: the page notices`, (now) => now.banner && now.state === "reconnecting", 20_000);
    say(`${name}: noticed after ${((Date.now() - noticed) / 1000).toFixed(1)} s`);
    await picture(page, `${name}-lost`);
    await audit(page, `${name}, lost`);
  });
  const began = Date.now();
  const back = await until(page, `${name}: the call goes on`, (now) => !now.banner && now.step === "call" && now.state !== "reconnecting", BACK_MS);
  say(`${name}: back after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  assert.equal(back.topic, topic, `${name}: at the same topic`);
  await listens(page);
  await picture(page, `${name}-back`);
  const after = await captions(page);
  for (const line of before) {
    const count = (list) => list.filter(([who, text]) => who === line[0] && text === line[1]).length;
    assert.ok(count(after) >= count(before), `${name}: still there: ${line[1]}`);
  }
  return { before, after };
}

async function interview(server, page, { link, recruiter }) {
  await consent(page, link);
  await checkSound(page, "Start the interview");
  await page.locator("body").press("m");
  await page.getByRole("button", { name: "Unmute" }).waitFor();
  await page.locator(".line.emma").first().waitFor({ timeout: 120_000 });
  await until(page, "the first question", (now) => now.topic === 1 && now.state === "listening");
  const first = (await captions(page)).length;
  say("speaking; the server is killed in the middle");
  await page.locator("body").press("m");
  await sleep(3_000);
  const killed = await goneAndBack(page, "kill", async (noticed) => {
    await server.stop("SIGKILL");
    await Promise.all([noticed(), sleep(DOWN_MS)]);
    await server.start();
  });
  assert.ok(killed.after.length > first, "Emma takes the conversation up again");
  const greeting = killed.before[0][1];
  assert.equal(killed.after.filter(([, text]) => text === greeting).length, 1, "she does not greet a second time");

  await page.locator("[data-captions]").focus();
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "Unmute" }).waitFor();
  await listens(page);
  say("typing the first answer");
  await type(page, ANSWERS[0]);
  await until(page, "Emma answers", (now) => now.state === "speaking");

  say("loading the page again");
  const before = await captions(page);
  await page.reload();
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  await checkSound(page, "Continue the interview");
  await listens(page);
  const after = await captions(page);
  for (const [who, text] of before) {
    if (who === "candidate") assert.equal(after.filter((line) => line[1] === text).length, 1, `after loading again, once: ${text}`);
  }
  await page.locator("body").press("m");
  say("typing the second answer");
  await type(page, ANSWERS[1]);
  await listens(page);

  await goneAndBack(page, "silence", async (noticed) => {
    // A server that stands still answers no packet and no request, as if the network between were gone.
    if (options.unplug) execSync(options.unplug);
    else server.signal("SIGSTOP");
    await Promise.all([noticed(), sleep(SILENT_MS)]);
    say("typing the third answer, with no connection");
    await page.locator("[data-answer]").fill(ANSWERS[2]);
    await page.locator("[data-answer]").press("Enter");
    if (options.plug) execSync(options.plug);
    else server.signal("SIGCONT");
  });
  await page.locator(".line.candidate:not(.partial)", { hasText: ANSWERS[2] }).waitFor();

  say("ending");
  await page.getByRole("button", { name: "End", exact: true }).click();
  await page.getByRole("button", { name: "End the interview" }).click();
  await step(page, "goodbye");
  await picture(page, "goodbye");

  const token = decodeURIComponent(new URL(page.url()).pathname.split("/").pop());
  const { call_id: callId, status, end_reason: reason } = await (await fetch(`${server.base}/api/v1/interviews/${token}`)).json();
  assert.equal(status, "finished");
  assert.equal(reason, "candidate_ended");
  const { body } = await ask(server.base, recruiter, `/calls/${callId}/transcript`);
  const segments = Array.isArray(body) ? body : body.segments;
  for (const text of ANSWERS) assert.equal(segments.filter((segment) => segment.text === text).length, 1, `stored once: ${text}`);
  for (const [who, text] of killed.before) {
    if (who === "emma") assert.ok(segments.some((segment) => segment.speaker === "emma" && segment.text === text), `what was said before the kill is stored: ${text}`);
  }
  const greetings = segments.filter((segment) => segment.speaker === "emma" && segment.text === greeting);
  assert.equal(greetings.length, 1, "one greeting is stored");
  return { segments: segments.length };
}

/** How often this server published that a call has finished, and acted on it. */
async function finished(server) {
  const metrics = await (await fetch(`${server.base}/metrics`)).text();
  const value = (name) => Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1] ?? 0);
  return { calls: value("emma_calls_finished_total"), acted: value('emma_jobs_total\\{subscriber="end-screening",outcome="done"\\}') };
}

const server = new Server({ emma: options.emma, data: options.data, port: await freePort(), host: options.host });
const microphone = join(options.data, "..", "recovery-microphone.wav");
writeMicrophone(microphone, [options.wav], { silenceS: 1 });
const started = await server.start();
const { browser, page } = await openBrowser({ executablePath: options.chromium, microphone, context: { ignoreHTTPSErrors: true } });
try {
  const summary = await interview(server, page, started);
  const end = Date.now() + 20_000;
  let events = await finished(server);
  while (events.acted < 1 && Date.now() < end) {
    await sleep(250);
    events = await finished(server);
  }
  assert.deepEqual(events, { calls: 1, acted: 1 }, "CallFinished was published once");
  say(`passed: ${JSON.stringify(summary)}`);
} catch (error) {
  await picture(page, "failed").catch(() => {});
  console.error(`--- server log\n${server.log().split("\n").slice(-40).join("\n")}`);
  throw error;
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}
