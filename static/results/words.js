// How statuses and codes read.

const STATUS = {
  applied: ["Applied", ""],
  invited: ["Invited", ""],
  in_screening: ["In interview", "warn"],
  screened: ["Interviewed", "good"],
  in_review: ["In review", "warn"],
  advanced: ["Advanced", "good"],
  declined: ["Declined", ""],
  withdrawn: ["Withdrawn", ""],
  erased: ["Erased", ""],
};

const RECOMMENDATION = {
  advance: { label: "Advance", tone: "good", text: "The evidence supports a next step." },
  review: { label: "Review", tone: "warn", text: "Worth a close look by a person before the next step." },
  hold: { label: "Hold", tone: "warn", text: "The evidence found does not support a next step yet." },
  insufficient_evidence: { label: "Insufficient evidence", tone: "", text: "Too little was said to rate. This says nothing about the candidate." },
};

const CALL = { created: "Created", ready: "Ready to start", in_progress: "In progress", paused: "Paused", reconnecting: "Reconnecting", completed: "Completed", abandoned: "Ended early", failed: "Failed", expired: "Expired", cancelled: "Cancelled" };

const END = {
  agenda_completed: "All topics were covered",
  time_limit: "The time was up",
  candidate_ended: "The candidate ended it",
  human_requested: "The candidate asked for a person",
  accommodation_requested: "The candidate asked for another form of interview",
  consent_declined: "The candidate did not consent",
  consent_withdrawn: "The candidate withdrew consent; the transcript was deleted",
  wellbeing_stop: "Stopped for the candidate's wellbeing",
  conduct_stop: "Stopped because of conduct",
  disconnect_timeout: "The connection was lost",
  no_audio: "No sound arrived from the candidate",
  system_error: "A fault on our side",
  recruiter_cancelled: "Called off by the hiring team",
  invite_expired: "The invitation expired",
};

const FLAG = {
  injection_suspected: "Words that seem meant to steer the interviewer. They were not used as evidence.",
  human_requested: "The candidate asked for a person.",
  accommodation_requested: "The candidate asked for help, or for another form of interview.",
  distress: "The candidate seemed to be in distress.",
  crisis: "The candidate spoke of not wanting to live. Please get in touch soon.",
  abuse: "The candidate was abusive.",
  wrong_person: "Somebody else may have been speaking.",
  minor: "The candidate may be under age.",
};

const KIND = { candidate_question: "Candidate's question", role_answer: "About the role", probe: "Follow-up", question: "Question", greeting: "Greeting", closing: "Closing" };

/** An unknown code, made readable. */
const plain = (code) => {
  const text = String(code ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export const statusOf = (code) => STATUS[code] ?? [plain(code), ""];
export const recommendationOf = (code) => RECOMMENDATION[code] ?? { label: plain(code), tone: "", text: "" };
export const callStatus = (code) => CALL[code] ?? plain(code);
export const endReason = (code) => END[code] ?? plain(code);
export const flagOf = (code) => FLAG[code] ?? plain(code);
export const kindOf = (code) => KIND[code] ?? null;
export const gateResult = (code) => ({ met: "Stated as met", not_met: "Stated as not met", unclear: "Not clear from the interview" })[code] ?? plain(code);
export const levelState = (code) => ({ not_assessed: "Not assessed", conflicting: "Conflicting evidence" })[code] ?? plain(code);
export const confidence = (value) => {
  if (typeof value === "number") return `${Math.round(value * 100)} % confidence`;
  return value ? `${plain(value)} confidence` : null;
};

/** A date as people write it; empty for none. */
export function day(value) {
  const date = new Date(value ?? NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** A date with its time. */
export function moment(value) {
  const date = new Date(value ?? NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}
