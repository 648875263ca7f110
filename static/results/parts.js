// The pieces of an assessment: score ring, criteria with their evidence, gates.

import { clock, el, icon, svg } from "/static/shared/dom.js";
import { showEvidence } from "./transcript.js";
import { confidence, gateResult, levelState } from "./words.js";

const RADIUS = 52;
const AROUND = 2 * Math.PI * RADIUS;

/** The score as a ring with its number, or a dash where there is none. */
export function scoreRing(score) {
  const has = typeof score === "number";
  const ring = (extra) => svg("circle", { cx: 60, cy: 60, r: RADIUS, fill: "none", "stroke-width": 9, ...extra });
  return el(
    "div",
    { class: has ? "ring" : "ring none", role: "img", "aria-label": has ? `Fit score ${score} of 100` : "No fit score: insufficient evidence" },
    svg(
      "svg",
      { viewBox: "0 0 120 120", "aria-hidden": "true" },
      ring({ class: "ring-track" }),
      has ? ring({ class: "ring-value", "stroke-linecap": "round", "stroke-dasharray": `${(AROUND * score) / 100} ${AROUND}`, transform: "rotate(-90 60 60)" }) : "",
    ),
    el("span", { class: "ring-number", "aria-hidden": "true", text: has ? String(score) : "–" }),
    el("span", { class: "ring-unit small soft", "aria-hidden": "true", text: has ? "of 100" : "no score" }),
  );
}

/** How much of what matters the interview said something about. */
export function coverageText(coverage) {
  if (coverage === null) return "";
  const percent = Math.round(coverage * 100);
  return `The evidence covers ${percent} % of what the role asks for. Below 60 % no score is given.`;
}

/** One criterion: level, why, evidence, and what the levels mean. */
export function criterionCard(criterion, { criteria, transcript }) {
  const planned = criteria.get(criterion.criterion_id ?? criterion.id) ?? {};
  const name = criterion.name ?? planned.name ?? criterion.criterion_id ?? "Criterion";
  const level = typeof criterion.level === "number" ? criterion.level : null;
  const sure = level === null ? null : confidence(criterion.confidence);
  return el(
    "section",
    { class: "card criterion" },
    el(
      "div",
      { class: "criterion-head" },
      el("div", {}, el("h4", { text: name }), planned.job_field ? el("p", { class: "soft small", text: `From the job offer: ${planned.job_field}` }) : null),
      levelMark(level, criterion.state),
    ),
    criterion.rationale ? el("p", { text: criterion.rationale }) : null,
    evidenceList(criterion.evidence, transcript),
    sure ? el("p", { class: "soft small", text: sure }) : null,
    anchors(criterion.anchors ?? planned.anchors, level),
  );
}

/** A condition a person has to confirm. */
export function gateCard(gate, { criteria, transcript }) {
  const id = gate.gate_id ?? gate.criterion_id ?? gate.id;
  const name = gate.name ?? criteria.get(id)?.name ?? id ?? "Condition";
  return el(
    "section",
    { class: "card criterion" },
    el(
      "div",
      { class: "criterion-head" },
      el("div", {}, el("h4", { text: name }), el("p", { class: "soft small", text: gateResult(gate.result ?? "unclear") })),
      el("span", { class: "tag warn" }, icon("person"), "Please confirm"),
    ),
    gate.rationale ? el("p", { text: gate.rationale }) : null,
    evidenceList(gate.evidence, transcript),
  );
}

function levelMark(level, state) {
  if (level === null) return el("span", { class: "tag", text: levelState(state ?? "not_assessed") });
  return el(
    "div",
    { class: "level", role: "img", "aria-label": `Level ${level} of 5` },
    el("span", { class: "level-dots", "aria-hidden": "true" }, Array.from({ length: 5 }, (_, i) => el("i", { class: i < level ? "on" : "" }))),
    el("span", { class: "small", "aria-hidden": "true", text: `${level} of 5` }),
  );
}

function evidenceList(evidence, transcript) {
  if (!Array.isArray(evidence) || evidence.length === 0) return null;
  return el("ul", { class: "evidence" }, evidence.map((piece) => el("li", {}, evidenceItem(piece, transcript))));
}

/** The time of a piece of evidence, leading to its line in the transcript. */
export function timeLink(piece, transcript) {
  if (!transcript?.some((segment) => segment.id === piece.segment_id)) return null;
  const link = el("a", { class: "at", href: `#${piece.segment_id}`, "aria-label": `Show in the transcript at ${clock(piece.start_ms)}`, text: clock(piece.start_ms) });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    showEvidence(piece);
  });
  return link;
}

function evidenceItem(piece, transcript) {
  const against = piece.polarity === "-" || piece.polarity === "negative";
  const quote = el("q", { text: piece.quote ?? "" });
  const time = el("span", { class: "at", text: clock(piece.start_ms) });
  const mark = against ? el("span", { class: "tag bad", text: "Speaks against" }) : null;
  const known = transcript?.some((segment) => segment.id === piece.segment_id);
  if (!known) return el("span", { class: "evidence-item" }, quote, time, mark);
  const link = el("a", { class: "evidence-item", href: `#${piece.segment_id}` }, quote, time, mark, el("span", { class: "sr-only", text: "Show in the transcript" }));
  link.addEventListener("click", (event) => {
    event.preventDefault();
    showEvidence(piece);
  });
  return link;
}

function anchors(texts, level) {
  const known = [1, 3, 5].filter((at) => texts?.[at]);
  if (known.length === 0) return null;
  return el(
    "details",
    {},
    el("summary", { text: "What the levels mean" }),
    el(
      "dl",
      { class: "anchors" },
      known.map((at) => el("div", { class: at === level ? "here" : "" }, el("dt", { text: `Level ${at}` }), el("dd", { text: texts[at] }))),
    ),
  );
}
