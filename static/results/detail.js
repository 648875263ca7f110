// One application: what was found, why, and the conversation it was found in.

import { clock, el, icon } from "/static/shared/dom.js";
import { coverageText, criterionCard, gateCard, scoreRing, timeLink } from "./parts.js";
import { transcriptView } from "./transcript.js";
import { callStatus, day, endReason, flagOf, moment, recommendationOf, statusOf } from "./words.js";

/** How often a pending analysis is asked for: soon at first, then more rarely. */
const POLL_MS = [2_000, 2_000, 3_000, 5_000, 8_000, 12_000];

export class Detail {
  #root;
  #recruiter;
  #back;
  #timer = 0;
  #shown = 0;

  /** @param {HTMLElement} root @param {import("./api.js").Recruiter} recruiter @param {{back: () => void}} handlers */
  constructor(root, recruiter, { back }) {
    this.#root = root;
    this.#recruiter = recruiter;
    this.#back = back;
  }

  /** Nothing is chosen. */
  empty() {
    this.stop();
    this.#root.replaceChildren(
      el("div", { class: "nothing soft" }, icon("list"), el("p", { text: "Choose an application to see how the interview went." })),
    );
  }

  /** Forgets what is on its way. */
  stop() {
    clearTimeout(this.#timer);
    this.#shown += 1;
  }

  async show(id, { focus = false } = {}) {
    this.stop();
    const shown = this.#shown;
    this.#root.setAttribute("aria-busy", "true");
    this.#root.replaceChildren(el("div", { class: "nothing soft", role: "status" }, el("span", { class: "spinner", "aria-hidden": "true" }), el("p", { text: "Loading…" })));
    let parts;
    try {
      const [application, calls, criteria] = await Promise.all([
        this.#recruiter.application(id),
        this.#recruiter.calls(id).catch(() => []),
        this.#recruiter.criteria(id),
      ]);
      const call = calls.at(-1) ?? null;
      const [transcript, { questions, flags }] = await Promise.all([
        call ? this.#recruiter.conversation(calls).catch(() => null) : null,
        this.#recruiter.notes(calls),
      ]);
      parts = { application, calls, call, criteria, transcript, questions, flags };
    } catch (problem) {
      if (shown !== this.#shown) return;
      this.#root.removeAttribute("aria-busy");
      const text = problem.status === 404 ? "This application does not exist, or you may not see it." : "The application could not be loaded.";
      this.#root.replaceChildren(this.#backButton(), note("bad", "alert", text, el("button", { class: "button", text: "Try again", on: { click: () => this.show(id, { focus: true }) } })));
      return;
    }
    if (shown !== this.#shown) return;
    this.#root.removeAttribute("aria-busy");
    const result = el("div", { class: "result" });
    this.#root.replaceChildren(...[this.#backButton(), header(parts), parts.call && banner(), flagsCard(parts), result, questionsCard(parts), callCard(parts), transcriptView(parts)].filter(Boolean));
    document.title = `${parts.application.candidate} · Emma`;
    if (focus) this.#root.querySelector("h2")?.focus();
    await this.#assess(id, result, parts, 0, shown);
  }

  async #assess(id, result, parts, attempt, shown) {
    let found;
    try {
      found = await this.#recruiter.analysis(id);
    } catch {
      found = { state: "unreachable" };
    }
    if (shown !== this.#shown) return;
    if (found.state === "pending") {
      const ended = parts.call?.ended_at || parts.call?.end_reason;
      if (!ended) {
        // Nothing is being made yet, so there is nothing to wait for.
        result.replaceChildren(note("", "info", parts.call ? "The interview is not over yet. The assessment is made when it is." : "The interview has not taken place yet."));
        return;
      }
      if (attempt === 0) result.replaceChildren(pending());
      const wait = Math.max(found.retryMs ?? 0, POLL_MS[Math.min(attempt, POLL_MS.length - 1)]);
      this.#timer = setTimeout(() => this.#assess(id, result, parts, attempt + 1, shown), wait);
      return;
    }
    const again = el("button", { class: "button", text: "Try again", on: { click: () => this.#assess(id, result, parts, 0, shown) } });
    switch (found.state) {
      case "ready":
        result.replaceChildren(...assessment(found, parts));
        break;
      case "failed":
        result.replaceChildren(note("bad", "alert", `The assessment failed. ${found.reason ?? ""} The conversation itself is safe; please read the transcript below.`, again));
        break;
      case "withdrawn":
        result.replaceChildren(note("", "shield", "The candidate withdrew consent. What was said, and the assessment of it, have been deleted."));
        break;
      case "none":
        result.replaceChildren(note("", "info", "There is no assessment of this application."));
        break;
      default:
        result.replaceChildren(note("bad", "alert", "The assessment could not be loaded.", again));
    }
  }

  #backButton() {
    return el("div", { class: "back" }, el("button", { class: "button quiet", on: { click: this.#back } }, icon("back"), "All applications"));
  }
}

function header({ application }) {
  const [label, tone] = statusOf(application.status);
  const role = [application.role, application.organization].filter(Boolean).join(" · ");
  return el(
    "header",
    { class: "detail-head" },
    el("div", {}, el("h2", { tabindex: "-1", text: application.candidate }), el("p", { class: "soft", text: role })),
    el("div", { class: "row" }, el("span", { class: `tag ${tone}`, text: label }), el("time", { class: "soft small", datetime: application.date ?? null, text: day(application.date) })),
  );
}

const banner = () =>
  note("warm", "person", "A person decides. This is a summary of what was said, made to help you read the conversation. Check the evidence before you act on it.");

function note(tone, symbol, text, action) {
  return el("div", { class: `note ${tone}` }, icon(symbol), el("div", { class: "stack" }, el("p", { text }), action ? el("div", { class: "row" }, action) : null));
}

const pending = () =>
  el(
    "div",
    { class: "card pending", role: "status" },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    el("div", {}, el("h3", { text: "The assessment is being made" }), el("p", { class: "soft", text: "Evidence is collected first, then rated. This usually takes less than half a minute; the page updates by itself." })),
  );

function assessment(found, parts) {
  const advice = recommendationOf(found.score === null ? "insufficient_evidence" : found.recommendation);
  const summary = el(
    "section",
    { class: "card summary", "aria-label": "Summary" },
    scoreRing(found.score),
    el(
      "div",
      { class: "stack" },
      el("p", {}, el("span", { class: `tag ${advice.tone}`, text: advice.label })),
      el("p", { text: advice.text }),
      el("p", { class: "soft small", text: found.score === null ? `There is no score. ${coverageText(found.coverage)}` : coverageText(found.coverage) }),
    ),
  );
  const points = el(
    "div",
    { class: "pair" },
    pointList("Strengths", found.strengths, "Nothing stood out in the evidence.", parts),
    pointList("Concerns", found.concerns, "None were found in the evidence.", parts),
  );
  return [
    summary,
    found.strengths.length + found.concerns.length > 0 ? points : null,
    found.gates.length > 0 ? block("To be confirmed by a person", el("div", { class: "stack" }, found.gates.map((gate) => gateCard(gate, parts)))) : null,
    found.criteria.length > 0 ? block("Criteria", el("div", { class: "stack" }, found.criteria.map((criterion) => criterionCard(criterion, parts)))) : null,
    found.skills.length > 0 ? block("Skills of the role", skillList(found.skills)) : null,
    provenance(found),
  ].filter(Boolean);
}

function block(title, content) {
  return el("section", { class: "block" }, el("h3", { text: title }), content);
}

function pointList(title, points, none, { transcript }) {
  const content =
    points.length > 0
      ? el("ul", { class: "plain" }, points.map(({ text, evidence }) => el("li", {}, text, ...evidence.map((piece) => timeLink(piece, transcript)))))
      : el("p", { class: "soft", text: none });
  return el("section", { class: "card" }, el("h3", { text: title }), content);
}

function skillList(skills) {
  const spoken = skills.filter((skill) => skill.mentioned);
  const rest = skills.filter((skill) => !skill.mentioned);
  return el(
    "div",
    { class: "stack" },
    spoken.length > 0 ? el("ul", { class: "chips" }, spoken.map(({ name, level }) => el("li", { class: "tag good", text: level ? `${name} · ${level} of 5` : name }))) : null,
    rest.length > 0 ? el("p", { class: "soft small", text: `Not spoken of: ${rest.map(({ name }) => name).join(", ")}.` }) : null,
  );
}

function provenance(found) {
  const version = String(found.scorer ?? "");
  // Scorers name themselves in their version; the bare one is the deterministic scorer.
  const made = version && !version.includes("deterministic") && /[a-z]/i.test(version) ? "Scored by" : "Scored by the deterministic scorer, version";
  const parts = [version ? `${made} ${version.replace(/^deterministic-/, "")}` : "Scored by the deterministic scorer"];
  if (found.rubric !== undefined) parts.push(`plan version ${found.rubric}`);
  if (found.at) parts.push(moment(found.at));
  if (found.hash) parts.push(`transcript ${String(found.hash).slice(0, 12)}`);
  return el("p", { class: "soft small", text: `${parts.join(" · ")}. Only words count: voice, accent, pace and pauses are not rated.` });
}

/** What Emma noticed and a person should look at, with the way to where it was said. */
function flagsCard({ flags, transcript }) {
  if (flags.length === 0) return null;
  const entry = ({ kind, at_ms: at, segment_id: id }) => el("li", {}, flagOf(kind), id ? timeLink({ segment_id: id, start_ms: at }, transcript) : null);
  return block(
    "For a person to look at",
    el("div", { class: "card stack" }, el("ul", { class: "plain", "data-flags": "" }, flags.map(entry)), el("p", { class: "soft small", text: "Noticed by rules that can be wrong. None of it counts against the candidate, and none of it is part of the score." })),
  );
}

/** What the posting did not answer and Emma promised to pass on. */
function questionsCard({ questions }) {
  if (questions.length === 0) return null;
  return block("Questions for you to answer", el("div", { class: "card" }, el("ul", { class: "plain", "data-questions": "" }, questions.map((text) => el("li", { text })))));
}

function callCard({ call, calls }) {
  if (!call) return null;
  const coverage = Array.isArray(call.coverage) ? call.coverage : null;
  const answered = coverage ? coverage.filter((question) => question.state === "answered").length : call.coverage?.answered;
  const total = coverage ? coverage.length : call.coverage?.total;
  const length = call.duration_ms ?? call.media_ms;
  const facts = [
    ["Status", callStatus(call.status)],
    ["Ended because", call.end_reason ? endReason(call.end_reason) : "Not over yet"],
    ["Length", length ? `${clock(length)} min` : null],
    ["Questions answered", total ? `${answered} of ${total}` : null],
    ["Started", moment(call.started_at)],
    ["Attempt", calls.length > 1 || call.attempt > 1 ? String(call.attempt ?? calls.length) : null],
  ].filter(([, value]) => value);
  return el(
    "section",
    { class: "block" },
    el("h3", { text: "The interview" }),
    el("dl", { class: "facts card" }, facts.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", { text: value })))),
  );
}
