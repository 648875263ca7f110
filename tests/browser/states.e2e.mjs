// Every state of the candidate's page, and a result, on a wide and a narrow screen, light and dark: that nothing keeps anybody out
// (axe), that nothing is wider than the screen, and a picture of each to judge. The pages come from static/; the server
// is played here, so that states which are hard to reach are a line each.
//
//   node states.e2e.mjs [--shots DIR] [--only NAME] [--in-turn]
//
// --in-turn  each state on one of the screens only, the next state on the next one: a quarter of the time

// spec: UI-1

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { audit, openBrowser } from "./candidate.mjs";

const STATIC = fileURLToPath(new URL("../../static/", import.meta.url));
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const SCREENS = [
  { name: "wide-light", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "phone-light", viewport: { width: 375, height: 667 }, colorScheme: "light", isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  { name: "wide-dark", viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  { name: "phone-dark", viewport: { width: 375, height: 667 }, colorScheme: "dark", isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
];
const HERE = "http://localhost:8080";
const ELSEWHERE = "http://192.168.1.5:8080";
const INTERVIEW = {
  status: "invited",
  kind: "personal",
  candidate_name: "Eleni Papadopoulou",
  job: { title: "Backend Engineer", organization: "Halcyon Harbour" },
  duration_min: 13,
  topics: 6,
  topics_done: 0,
  elapsed_ms: 0,
  language: "en",
  consent: {
    version: "2026-11.1",
    paragraphs: [
      "You will talk with Emma, an artificial intelligence, and not with a person. Emma asks questions about the role, listens, and answers your own questions from the job posting.",
      "What you say is turned into a written transcript, and a summary of it is made for the hiring team. People read it and make every decision.",
      "Your voice, accent, pace and pauses are not rated. You can stop at any time, ask for a person, or withdraw your consent; then what you said is deleted.",
    ],
  },
  ice_servers: [],
  recording: true,
  secure_url: null,
};

const { values: options } = parseArgs({ options: { shots: { type: "string" }, only: { type: "string" }, "in-turn": { type: "boolean", default: false }, chromium: { type: "string", default: "/usr/bin/chromium" } } });

/** Runs in the page: a connection that comes about at once and receives what the test says. */
function fakeConnection() {
  class Channel extends EventTarget {
    readyState = "connecting";
    send(text) {
      window.fake.sent.push(JSON.parse(text));
    }
    close() {
      this.readyState = "closed";
    }
  }
  window.fake = { sent: [], say: (message) => window.fake.channel.onmessage({ data: JSON.stringify(message) }) };
  window.RTCPeerConnection = class {
    connectionState = "connected";
    iceConnectionState = "connected";
    localDescription = { sdp: "v=0" };
    createDataChannel() {
      window.fake.channel = new Channel();
      window.fake.peer = this;
      return window.fake.channel;
    }
    addTransceiver() {
      return { sender: { replaceTrack: async () => {} } };
    }
    async createOffer() {
      return { type: "offer", sdp: "v=0" };
    }
    async setLocalDescription() {}
    async setRemoteDescription() {
      setTimeout(() => {
        window.fake.channel.readyState = "open";
        window.fake.channel.onopen();
      });
    }
    async getStats() {
      return new Map();
    }
    close() {
      this.connectionState = "closed";
    }
  };
}

const refuseMicrophone = (name) => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("refused", name));
};

const problem = (status, slug, title) => ({ status, body: { type: `https://emma.example/problems/${slug}`, title, status } });

/** Answers every request of the page: files from static/, the rest as `answers` says. */
async function serve(context, answers) {
  await context.route("**/*", async (route) => {
    const url = new URL(route.request().url());
    const key = `${route.request().method()} ${url.pathname.replace(/^\/api\/v1\/interviews\/[^/]+/, "")}`;
    const pages = { i: "interview.html", results: "results.html" };
    const page = pages[url.pathname.split("/")[1]];
    if (page || url.pathname.startsWith("/static/")) {
      const file = join(STATIC, page ?? url.pathname.slice("/static/".length));
      if (!existsSync(file)) return route.fulfill({ status: 404 });
      return route.fulfill({ body: readFileSync(file), contentType: TYPES[extname(file)] ?? "application/octet-stream" });
    }
    const answer = answers[key] ?? { body: {} };
    if (answer === "nothing") return route.abort("connectionrefused");
    if (answer === "waits") return undefined;
    return route.fulfill({ status: answer.status ?? 200, headers: answer.headers ?? {}, contentType: answer.type ?? "application/json", body: answer.text ?? JSON.stringify(answer.body) });
  });
}

const offer = { "POST /offer": { status: 201, headers: { Location: "/api/v1/interviews/x/connections/1" }, type: "application/sdp", text: "v=0" } };
const interview = (more) => ({ "GET ": { body: { ...INTERVIEW, ...more } }, "POST /consent": { body: { status: "ready", token: "x" } }, ...offer });
const click = (name) => async (page) => page.getByRole("button", { name, exact: true }).click();
const say = (...messages) => async (page) => {
  for (const message of messages) await page.evaluate((one) => window.fake.say(one), message);
};
const caption = (id, speaker, text, more = {}) => ({ type: "caption", id, speaker, text, final: true, ...more });

const joined = [click("Continue without a microphone"), async (page) => page.waitForFunction(() => window.fake.channel?.readyState === "open" && document.body.dataset.state === "listening")];
const talk = say(
  { type: "progress", topic: 3, of: 6, label: "Working with marinas" },
  caption("1", "emma", "Tell me about a time when something you had built failed in production. What did you do first?"),
  caption("2", "candidate", "The ledger stopped accepting writes on a Saturday. I moved them to a queue first, and told everybody affected within ten minutes."),
  caption("3", "emma", "That was quick. How did you", { interrupted: true }),
  caption("4", "candidate", "Sorry, one more thing: nobody lost money.", { final: false }),
);

const RESULT = {
  "GET /api/v1/applications": { body: { items: [{ id: "a1", candidate: "Eleni Papadopoulou", job_title: "Backend Engineer", status: "screened", created_at: "2026-11-20T10:00:00Z" }] } },
  "GET /api/v1/applications/a1": { body: { id: "a1", candidate: { name: "Eleni Papadopoulou" }, job_offer: { title: "Backend Engineer", organization: "Halcyon Harbour" }, status: "screened", created_at: "2026-11-20T10:00:00Z" } },
  "GET /api/v1/applications/a1/calls": { body: { items: [{ id: "c1", status: "completed", end_reason: "wellbeing_stop", attempt: 1, duration_ms: 300_000, coverage: [] }] } },
  "GET /api/v1/applications/a1/plan": { body: { criteria: [] } },
  "GET /api/v1/applications/a1/analysis": {
    body: {
      fit_score: 72,
      recommendation: "review",
      assessment: {
        score: 72,
        coverage: 0.8,
        recommendation: "review",
        criteria: [{ criterion_id: "k1", name: "Payments APIs", level: 4, state: "scored", confidence: "medium", evidence: [{ segment_id: "s2", char_start: 19, char_end: 40, start_ms: 4_000, quote: "and I rebuilt the API", polarity: "+" }] }],
      },
    },
  },
  "GET /api/v1/calls/c1": {
    body: {
      id: "c1",
      unanswered_questions: ["How many dogs are there in the office?"],
      flags: [
        { kind: "injection_suspected", at_ms: 5_000, segment_id: "s2" },
        { kind: "distress", at_ms: 9_000, segment_id: "s3" },
        { kind: "human_requested", at_ms: 12_000, segment_id: null },
      ],
    },
  },
  "GET /api/v1/calls/c1/transcript": {
    body: {
      segments: [
        { id: "s1", speaker: "emma", text: "Tell me about a service you built.", start_ms: 1_000, end_ms: 3_000, kind: "question" },
        { id: "s2", speaker: "candidate", text: "Ναι. ███ ████████, and I rebuilt the API.", redactions: [{ start: 5, end: 17 }], start_ms: 4_000, end_ms: 5_000, kind: "answer" },
        { id: "s3", speaker: "candidate", text: "I feel faint.", redactions: [], start_ms: 8_000, end_ms: 9_000, kind: "meta" },
      ],
    },
  },
};

/** name -> {path, at, answers, init, steps} */
const STATES = {
  welcome: { answers: interview({}), steps: [] },
  consent: { answers: interview({}), steps: [click("Continue")] },
  "sound-check": { answers: interview({ status: "ready" }), init: [() => navigator.permissions && (navigator.permissions.query = () => Promise.resolve({ state: "prompt" }))], steps: [] },
  "sound-check-on": { answers: interview({ status: "ready" }), steps: [async (page) => page.getByText("We hear you").waitFor()] },
  "welcome-back": { answers: interview({ status: "reconnecting", topics_done: 2, elapsed_ms: 300_000 }), steps: [async (page) => page.getByText("We hear you").waitFor()] },
  "microphone-blocked": { answers: interview({ status: "ready" }), init: [[refuseMicrophone, "NotAllowedError"]], steps: [async (page) => page.getByText("is blocked").waitFor()] },
  "microphone-missing": { answers: interview({ status: "ready" }), init: [[refuseMicrophone, "NotFoundError"]], steps: [async (page) => page.getByText("No microphone").waitFor()] },
  "insecure-welcome": { at: ELSEWHERE, answers: interview({ secure_url: "https://192.168.1.5:8080" }), steps: [] },
  "insecure-check": { at: ELSEWHERE, answers: interview({ status: "ready", secure_url: "https://192.168.1.5:8080" }), steps: [async (page) => page.getByText("To speak, use").waitFor()] },
  "insecure-no-https": { at: ELSEWHERE, answers: interview({ status: "ready" }), steps: [async (page) => page.getByText("cannot use a microphone").waitFor()] },
  connecting: { answers: { ...interview({ status: "ready" }), "POST /offer": "waits" }, steps: [click("Continue without a microphone")] },
  "getting-ready": { answers: { ...interview({ status: "ready" }), "POST /offer": problem(503, "unavailable", "Not ready") }, steps: [click("Continue without a microphone"), async (page) => page.getByText("Emma is getting ready").waitFor()] },
  listening: {
    answers: interview({ status: "ready" }),
    steps: [...joined, talk, async (page) => {
      const sent = await page.evaluate(() => window.fake.sent);
      assert.deepEqual(sent.filter(({ type }) => type === "mute"), [{ type: "mute", muted: true }], "Emma knows that this candidate only types");
    }],
  },
  speaking: { answers: interview({ status: "ready" }), steps: [...joined, talk, say({ type: "state", state: "speaking" })] },
  reconnecting: {
    answers: interview({ status: "ready" }),
    steps: [...joined, talk, async (page, context) => {
      await context.unroute("**/*");
      await serve(context, { ...interview({}), "POST /offer": "nothing" });
      await page.evaluate(() => window.fake.channel.onclose());
      await page.getByText("The connection is lost").waitFor();
    }],
  },
  menu: { answers: interview({ status: "ready" }), steps: [...joined, talk, click("More")] },
  "end-dialog": { answers: interview({ status: "ready" }), steps: [...joined, talk, click("End")] },
  shortcuts: { answers: interview({ status: "ready" }), steps: [...joined, talk, click("More"), async (page) => page.getByRole("button", { name: /settings/i }).click()] },
  typing: {
    answers: interview({ status: "ready" }),
    steps: [...joined, talk, async (page) => page.locator("[data-answer]").fill("I kept the ledger in PostgreSQL and wrote the retries in Rust, with a test for every way in which the bank could answer twice, late, or not at all. ".repeat(3))],
  },
  goodbye: { answers: interview({ status: "finished", end_reason: "agenda_completed" }), steps: [] },
  "connection-lost-for-good": { answers: interview({ status: "finished", end_reason: "disconnect_timeout" }), steps: [] },
  declined: { answers: interview({ status: "declined" }), steps: [] },
  elsewhere: { answers: { ...interview({ status: "ready" }), "POST /offer": problem(409, "call-already-live", "Live elsewhere") }, steps: [click("Continue without a microphone"), async (page) => page.getByText("open somewhere else").waitFor()] },
  "link-expired": { answers: { "GET ": problem(410, "invitation-expired", "Expired") }, steps: [] },
  "link-unknown": { answers: { "GET ": problem(404, "invitation-not-found", "Unknown") }, steps: [] },
  results: {
    path: "/results#token=x&application=a1",
    answers: RESULT,
    steps: [async (page) => {
      await page.locator("a.evidence-item").waitFor();
      assert.equal(await page.locator("[data-flags] li").count(), 3, "what a person should look at is listed");
      await page.locator("a.evidence-item").click();
      assert.equal(await page.locator(".transcript mark").textContent(), "and I rebuilt the API", "the quotation is lit at its place");
      assert.equal(await page.locator(".transcript .left-out").getAttribute("aria-label"), "left out: personal");
      await page.locator("[data-flags] a").nth(1).click();
      assert.equal(await page.locator(".transcript .lit .words").textContent(), "I feel faint.");
      assert.equal(await page.locator(".transcript mark").count(), 0, "one line at a time is lit");
    }],
  },
  "no-answer": { answers: { "GET ": "nothing" }, steps: [] },
};

async function picture(page, name) {
  if (!options.shots) return;
  mkdirSync(options.shots, { recursive: true });
  await page.screenshot({ path: join(options.shots, `${name}.png`), fullPage: false });
}

const states = Object.entries(STATES).filter(([name]) => !options.only || name === options.only);
const started = Date.now();
const failures = [];
const { browser } = await openBrowser({ executablePath: options.chromium });
try {
  for (const [turn, [state, { at = HERE, path = "/i/x", answers, init = [], steps }]] of states.entries()) {
    for (const { name, ...screen } of options["in-turn"] ? [SCREENS[turn % SCREENS.length]] : SCREENS) {
      const context = await browser.newContext({ ...screen, reducedMotion: "reduce", permissions: at === HERE ? ["microphone"] : [] });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(10_000);
        const broken = [];
        page.on("pageerror", (error) => broken.push(String(error)));
        await serve(context, answers);
        await page.addInitScript(fakeConnection);
        for (const one of init) {
          if (Array.isArray(one)) await page.addInitScript(one[0], one[1]);
          else await page.addInitScript(one);
        }
        await page.goto(`${at}${path}`);
        await page.waitForSelector('body:not([data-step="loading"])');
        for (const act of steps) await act(page, context);
        await picture(page, `${state}-${name}`);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= screen.viewport.width, `${width} px wide`);
        await audit(page, state);
        assert.deepEqual(broken, []);
      } catch (error) {
        failures.push(`${state}, ${name}: ${error.message}`);
      } finally {
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
for (const failure of failures) console.error(failure);
console.log(`${states.length} states in ${((Date.now() - started) / 1000).toFixed(0)} s, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
