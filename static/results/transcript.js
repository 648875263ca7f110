// The conversation as it was heard, and the way from a piece of evidence to its line.

import { $$, clock, el, icon } from "/static/shared/dom.js";
import { kindOf } from "./words.js";

const prefix = "line-";

/** What was said, attempt by attempt, or why there is nothing. */
export function transcriptView({ call, transcript }) {
  if (!call) return null;
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

function line(segment) {
  const emma = segment.speaker === "emma";
  const kind = kindOf(segment.kind);
  const sources = Array.isArray(segment.source_refs) ? segment.source_refs : [];
  const marks = [
    segment.typed ? "typed" : null,
    segment.interrupted ? "interrupted" : null,
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
      el("p", { class: "words", text: segment.text }),
      marks.length > 0 ? el("p", { class: "soft small", text: marks.join(" · ") }) : null,
    ),
  );
}

/** Scrolls to the line of a piece of evidence and marks the quote in it. */
export function showEvidence({ segment_id: id, quote, char_start: start, char_end: end }) {
  for (const mark of $$(".transcript mark")) mark.replaceWith(mark.textContent);
  for (const lit of $$(".transcript .lit")) lit.classList.remove("lit");
  const target = document.getElementById(`${prefix}${id}`);
  if (!target) return;
  const words = target.querySelector(".words");
  const text = words.textContent;
  // Offsets count characters as Unicode does, not the units of this language.
  const characters = [...text];
  const here = characters.slice(start, end).join("") === quote;
  const at = here ? characters.slice(0, start).join("").length : text.indexOf(quote ?? "\0");
  if (at >= 0) words.replaceChildren(text.slice(0, at), el("mark", { text: quote }), text.slice(at + quote.length));
  target.classList.add("lit");
  target.scrollIntoView({ block: "center", behavior: "smooth" });
  target.focus({ preventScroll: true });
}
