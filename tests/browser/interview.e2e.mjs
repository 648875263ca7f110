// A whole interview in a real browser, against a running server.
//
//   npm ci && node interview.e2e.mjs --url http://127.0.0.1:8080/i/TOKEN --recruiter TOKEN --base http://127.0.0.1:8080
//     --wav answer1.wav answer2.wav [--shots DIR] [--silence 9] [--minutes 20] [--reload] [--no-speech] [--end-at 3]
//     [--browser-arg=ARG...]
//
// The browser's microphone plays the answers in a loop, with pauses between them. One turn is typed. The script
// ends with 0 when the interview reached its goodbye page and transcript and assessment are as they should be.
//
// --reload     loads the page again in the middle and goes on
// --end-at     ends the interview at this topic instead of waiting for its end
// --browser-arg  one more argument for Chromium
// --no-speech  does not ask that spoken answers were transcribed, for servers without speech recognition

// spec: UI-1, CALL-1, CALL-5, CALL-11

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, audit, checkSound, consent, energy, look, openBrowser, step } from "./candidate.mjs";
import { writeMicrophone } from "./wav.mjs";

const TYPED = "I prefer to type this one: I kept the ledger in PostgreSQL and wrote the retries in Rust.";
const TYPED_AT_TOPIC = 2;
const RELOAD_AT_TOPIC = 3;
const ANALYSIS_MS = 60_000;

const options = readArguments(process.argv.slice(2));
const work = mkdtempSync(join(tmpdir(), "emma-e2e-"));
const startedAt = Date.now();
const complaints = [];
let shot = 0;

const say = (text) => console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);

function readArguments(words) {
  const found = { wav: [], "browser-arg": [], silence: "9", minutes: "20", chromium: "/usr/bin/chromium" };
  const flags = new Set(["reload", "no-speech"]);
  let name = null;
  for (const word of words) {
    if (word.startsWith("--browser-arg=")) found["browser-arg"].push(word.slice("--browser-arg=".length));
    else if (word.startsWith("--")) {
      name = word.slice(2);
      if (flags.has(name)) found[name] = true;
    } else if (name === "wav") found.wav.push(word);
    else if (name) found[name] = word;
  }
  for (const needed of ["url", "recruiter", "base"]) if (!found[needed]) throw new Error(`--${needed} is missing`);
  if (found.wav.length === 0) throw new Error("--wav needs at least one file");
  found.base = found.base.replace(/\/$/, "");
  return found;
}

async function picture(page, name) {
  if (!options.shots) return;
  shot += 1;
  await page.screenshot({ path: join(options.shots, `${String(shot).padStart(2, "0")}-${name}.png`) });
}

/** Keeps a picture of the page as it is, and sees that it keeps nobody out. */
const note = (page) => async (name) => {
  await picture(page, name);
  await audit(page, name);
};

async function typeAnswer(page) {
  say("typing an answer");
  await page.locator("body").press("m");
  await page.getByRole("button", { name: "Unmute" }).waitFor();
  await page.keyboard.press("t");
  await page.locator("[data-answer]:focus").waitFor();
  await page.keyboard.type(TYPED);
  await picture(page, "typing");
  await page.keyboard.press("Enter");
  // The page shows it as provisional; the server's caption makes it final.
  await page.locator(".line.candidate:not(.partial)", { hasText: TYPED }).waitFor();
  await page.locator("[data-captions]").focus();
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "Mute", exact: true }).waitFor();
}

async function holdCall(page) {
  const seen = { states: new Set(), topics: new Set(), emma: 0, candidate: 0, energy: 0, typed: false, reloaded: false, messages: [] };
  const until = Date.now() + Number(options.minutes) * 60_000;
  const keepMessages = async () => seen.messages.push(...(await page.evaluate(() => window.seen.messages.splice(0))));
  await page.locator(".line.emma").first().waitFor({ timeout: 120_000 });
  while (Date.now() < until) {
    const now = await look(page);
    if (now.step !== "call") {
      await keepMessages();
      return { ...seen, last: now };
    }
    seen.states.add(now.state);
    if (now.topic > 0 && !seen.topics.has(now.topic)) {
      seen.topics.add(now.topic);
      say(`topic ${now.topic}`);
      await picture(page, `topic-${now.topic}`);
      if (now.topic === 1) await audit(page, "call");
    }
    seen.emma = Math.max(seen.emma, now.emma);
    seen.candidate = Math.max(seen.candidate, now.candidate);
    seen.energy = Math.max(seen.energy, await energy(page));
    await keepMessages();
    if (!seen.typed && now.topic >= TYPED_AT_TOPIC && now.state === "listening") {
      seen.typed = true;
      await typeAnswer(page);
    } else if (options.reload && !seen.reloaded && now.topic >= RELOAD_AT_TOPIC) {
      seen.reloaded = true;
      say("loading the page again");
      await page.reload();
      await page.getByRole("heading", { name: "Welcome back" }).waitFor();
      await checkSound(page, "Continue the interview");
      await page.locator(".line.emma").first().waitFor({ timeout: 120_000 });
      say("the call goes on");
    }
    if (now.topic >= Number(options["end-at"] ?? Infinity) && now.state === "listening") {
      say("ending");
      await page.getByRole("button", { name: "End", exact: true }).click();
      await page.getByRole("button", { name: "End the interview" }).click();
      delete options["end-at"];
    }
    await page.waitForTimeout(300);
  }
  throw new Error(`the interview did not end within ${options.minutes} minutes`);
}

const get = (path) => ask(options.base, options.recruiter, path);

async function checkTranscript(callId, seen) {
  const { status, body } = await get(`/calls/${callId}/transcript`);
  assert.equal(status, 200, "the transcript can be read");
  const segments = Array.isArray(body) ? body : body.segments;
  const by = (speaker) => segments.filter((segment) => segment.speaker === speaker);
  assert.ok(by("emma").length > 0, "the transcript holds what Emma said");
  const typed = by("candidate").find((segment) => segment.typed);
  assert.equal(typed?.text, TYPED, "the transcript holds the typed answer, marked as typed");
  if (!options["no-speech"]) assert.ok(by("candidate").some((segment) => !segment.typed && segment.text.trim()), "the transcript holds spoken answers");
  for (const segment of segments) assert.ok(segment.end_ms >= segment.start_ms, `segment ${segment.id} ends after it starts`);
  const starts = segments.map((segment) => segment.start_ms);
  assert.deepEqual(starts, [...starts].sort((a, b) => a - b), "the transcript is in order of time");
  const captions = new Map(seen.messages.filter((message) => message.type === "caption" && message.final).map((message) => [message.id, message]));
  for (const segment of by("emma")) {
    const caption = captions.get(segment.id);
    if (caption) assert.equal(segment.text, caption.text, "what is stored of Emma is what the captions showed");
  }
  return segments;
}

// spec: ANA-4
async function checkAnalysis(applicationId, segments) {
  const until = Date.now() + ANALYSIS_MS;
  let answer = await get(`/applications/${applicationId}/analysis`);
  while (answer.status === 202 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    answer = await get(`/applications/${applicationId}/analysis`);
  }
  assert.equal(answer.status, 200, "the assessment is there in time");
  const assessment = answer.body.assessment ?? answer.body;
  assert.ok("fit_score" in answer.body && Array.isArray(answer.body.skills), "it has a score, or null, and skills");
  assert.notEqual(answer.body.status, "failed", "it did not fail");
  for (const criterion of assessment.criteria ?? []) {
    if (criterion.level !== null) assert.ok(criterion.evidence.length > 0, `${criterion.criterion_id} is rated on evidence`);
    for (const piece of criterion.evidence) {
      const segment = segments.find((one) => one.id === piece.segment_id);
      assert.equal(segment?.speaker, "candidate", "evidence is the candidate's");
      assert.equal([...segment.text].slice(piece.char_start, piece.char_end).join(""), piece.quote, "a quote is exact");
    }
  }
  return answer.body;
}

async function checkResultsPage(page, applicationId) {
  await page.goto(`${options.base}/results#token=${encodeURIComponent(options.recruiter)}&application=${encodeURIComponent(applicationId)}`);
  await page.locator(".ring").waitFor();
  assert.ok(!page.url().includes(options.recruiter), "the token is not left in the address");
  assert.ok((await page.locator(".transcript li").count()) > 0, "the results show the transcript");
  await note(page)("results");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 375, height: 667 });
  await note(page)("results-phone-dark");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "the results fit a phone");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 800 });
  const evidence = page.locator("a.evidence-item").first();
  if (await evidence.count()) {
    await evidence.click();
    await page.locator(".transcript mark").waitFor();
    await picture(page, "evidence");
  }
}

/** Medians of the delays that the server reported for its turns, in milliseconds. */
function delays(messages) {
  const turns = messages.filter((message) => message.type === "turn" && message.parts).map((message) => message.parts);
  const names = [...new Set(turns.flatMap(Object.keys))];
  const median = (name) => {
    const values = turns.map((parts) => parts[name]).filter((value) => typeof value === "number").sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? null;
  };
  return { turns: turns.length, medians: Object.fromEntries(names.map((name) => [name, median(name)])) };
}

async function main() {
  if (options.shots) mkdirSync(options.shots, { recursive: true });
  for (const file of options.wav) assert.ok(existsSync(file), `${file} exists`);
  const microphone = join(work, "microphone.wav");
  const { seconds } = writeMicrophone(microphone, options.wav, { silenceS: Number(options.silence) });
  say(`the microphone plays ${options.wav.length} answers in ${seconds.toFixed(0)} s, in a loop`);
  const { browser, page } = await openBrowser({ executablePath: options.chromium, microphone, complaints, args: options["browser-arg"], context: { ignoreHTTPSErrors: options.url.startsWith("https:") } });
  try {
    await consent(page, options.url, note(page));
    await checkSound(page, "Start the interview", note(page));
    const token = decodeURIComponent(new URL(page.url()).pathname.split("/").pop());
    const seen = await holdCall(page);
    await step(page, "goodbye");
    say(`goodbye: ${await page.locator("[data-message-title]").textContent()}`);
    await note(page)("goodbye");

    assert.ok(seen.emma > 0, "Emma's captions appeared");
    assert.ok(seen.candidate > 0, "the candidate's captions appeared");
    assert.ok(seen.typed, "a turn was typed");
    if (options.reload) assert.ok(seen.reloaded, "the page was loaded again");
    assert.ok(Math.max(0, ...seen.topics) >= 2, `progress advanced: topics ${[...seen.topics]}`);
    assert.ok(seen.states.has("listening") && seen.states.has("speaking"), `states seen: ${[...seen.states]}`);
    assert.ok(seen.energy > 0, "Emma's voice arrived");
    if (!options["no-speech"]) {
      const spoken = seen.messages.filter((message) => message.type === "caption" && message.speaker === "candidate" && message.final && message.text !== TYPED);
      assert.ok(spoken.length > 0, "spoken answers were captioned");
    }

    const interview = await (await fetch(`${options.base}/api/v1/interviews/${encodeURIComponent(token)}`)).json();
    assert.equal(interview.status, "finished", "the interview is finished");
    const call = await get(`/calls/${interview.call_id}`);
    assert.equal(call.status, 200, "the call can be read");
    const segments = await checkTranscript(interview.call_id, seen);
    const analysis = await checkAnalysis(call.body.application_id, segments);
    await checkResultsPage(page, call.body.application_id);
    assert.deepEqual(complaints, [], "the browser reported no errors");

    const summary = { end_reason: interview.end_reason, segments: segments.length, topics: [...seen.topics], fit_score: analysis.fit_score, analysis: analysis.status, delays: delays(seen.messages) };
    if (options.shots) writeFileSync(join(options.shots, "summary.json"), `${JSON.stringify({ ...summary, transcript: segments }, null, 2)}\n`);
    console.log(JSON.stringify(summary, null, 2));
  } catch (error) {
    await picture(page, "failed").catch(() => {});
    if (complaints.length > 0) console.error(complaints.join("\n"));
    throw error;
  } finally {
    await browser.close();
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
say("passed");
