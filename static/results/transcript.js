// The conversation as it was heard, and the way from a piece of evidence to its line.

import { $$, clock, el, icon } from "/static/shared/dom.js";
import { kindOf } from "./words.js";

const prefix = "line-";

/** What is shown, by id. */
const shown = new Map();

/** What was said, attempt by attempt, or why there is nothing. */
export function transcriptView({ call, transcript }) {
  if (!call) return null;
  shown.clear();
  let content;
  const attempts = [...new Set(transcript?.map((segment) => segment.attempt))];
  if (transcript === null) content = el("p", { class: "soft", text: "The transcript could not be loaded." });
  else if (transcript.length === 0) {
    const purged = call.end_reason === "consent_withdrawn";
    content = el("div", { class: "card nothing small-nothing soft" }, icon("chat"), el("p", { text: purged ? "The candidate withdrew consent, so what was said has been deleted." : "Nothing was said in this interview." }));
  } else if (attempts.length === 1) content = lines(transcript);
  else content = el("div", { class: "stack" }, attempts.flatMap((attempt) => [el("h4", { text: `Attempt ${attempt}` }), lines(transcript.filter((segment) => segment.attempt === attempt))]));
  return el("section", { class: "block" }, el("h3", { text: "Transcript" }), content);
}

const lines = (segments) => el("ol", { class: "transcript card" }, segments.map(line));

/** The words of a line: what is left out marked as such, the characters from `start` to `end` lit. */
function words({ text, redactions }, start = 0, end = 0) {
  // Offsets count characters as Unicode does, not the units of this language.
  const characters = [...text];
  const out = Array.isArray(redactions) ? redactions : [];
  const places = [0, characters.length, start, end, ...out.flatMap((part) => [part.start, part.end])];
  const cuts = [...new Set(places)].filter((place) => place >= 0 && place <= characters.length).sort((a, b) => a - b);
  return cuts.slice(1).map((to, index) => {
    const from = cuts[index];
    const piece = characters.slice(from, to).join("");
    if (out.some((part) => part.start <= from && to <= part.end)) return el("span", { class: "left-out", role: "img", "aria-label": "left out: personal", text: piece });
    return start <= from && to <= end ? el("mark", { text: piece }) : piece;
  });
}

function line(segment) {
  shown.set(segment.id, segment);
  const emma = segment.speaker === "emma";
  const kind = kindOf(segment.kind);
  const sources = Array.isArray(segment.source_refs) ? segment.source_refs : [];
  const marks = [
    segment.typed ? "typed" : null,
    segment.interrupted ? "interrupted" : null,
    segment.redactions?.length > 0 ? "something personal that plays no part in hiring is left out" : null,
    sources.length > 0 ? `source: ${sources.join(", ")}` : null,
  ].filter(Boolean);
  return el(
    "li",
    { id: `${prefix}${segment.id}`, tabindex: "-1", class: emma ? "emma" : "candidate" },
    el("span", { class: "at", text: clock(segment.start_ms) }),
    el(
      "div",
      {},
      el("p", { class: "speaker" }, emma ? "Emma" : "Candidate", kind ? el("span", { class: "soft", text: ` · ${kind}` }) : null),
      el("p", { class: "words" }, words(segment)),
      marks.length > 0 ? el("p", { class: "soft small", text: marks.join(" · ") }) : null,
    ),
  );
}

/** Scrolls to the line of a piece of evidence and marks the quote in it. */
export function showEvidence({ segment_id: id, quote, char_start: start, char_end: end }) {
  for (const lit of $$(".transcript .lit")) {
    lit.classList.remove("lit");
    const segment = shown.get(lit.id.slice(prefix.length));
    if (segment) lit.querySelector(".words").replaceChildren(...words(segment));
  }
  const target = document.getElementById(`${prefix}${id}`);
  const segment = shown.get(id);
  if (!target || !segment) return;
  const here = quote && [...segment.text].slice(start, end).join("") === quote;
  const at = quote && !here ? segment.text.indexOf(quote) : -1;
  const from = here ? start : at >= 0 ? [...segment.text.slice(0, at)].length : 0;
  const to = here || at >= 0 ? from + [...quote].length : 0;
  target.querySelector(".words").replaceChildren(...words(segment, from, to));
  target.classList.add("lit");
  target.scrollIntoView({ block: "center", behavior: "smooth" });
  target.focus({ preventScroll: true });
}
