// The recruiter's side of the HTTP interface, read only. Answers are brought into one shape here, so that the
// views need not know which fields a server leaves out.

import { Problem, send, sendJson } from "/static/shared/api.js";

const first = (...values) => values.find((value) => value !== undefined && value !== null && value !== "");
const list = (value) => (Array.isArray(value) ? value : []);

export class Recruiter {
  #token;
  #names = null;

  constructor(token) {
    this.#token = token;
  }

  #get(path) {
    return sendJson(`/api/v1${path}`, { bearer: this.#token });
  }

  /** One page of applications, as {items, next}; `next` asks for the following page, null on the last. */
  async applications(after = null) {
    const answer = await this.#get(`/applications${after ? `?after=${encodeURIComponent(after)}` : ""}`);
    const items = Array.isArray(answer) ? answer : list(first(answer?.items, answer?.applications));
    return { items: await Promise.all(items.map((item) => this.#named(item))), next: answer?.next ?? null };
  }

  async application(id) {
    return this.#named(await this.#get(`/applications/${encodeURIComponent(id)}`));
  }

  /** An application with the names of candidate and role, looked up where it holds ids alone. */
  async #named(raw) {
    const named = application(raw);
    const unnamed = named.candidate === raw.candidate_id || named.role === raw.job_offer_id;
    if (!unnamed) return named;
    this.#names ??= Promise.all([this.#byId("/candidates"), this.#byId("/job-offers")]);
    const [candidates, jobs] = await this.#names;
    return application({ ...raw, candidate: raw.candidate ?? candidates.get(raw.candidate_id), job_offer: raw.job_offer ?? jobs.get(raw.job_offer_id) });
  }

  async #byId(path) {
    const answer = await this.#get(`${path}?limit=200`).catch(() => null);
    return new Map((Array.isArray(answer) ? answer : list(answer?.items)).map((item) => [item.id, item]));
  }

  /** The assessment, as {state: "pending"|"none"|"failed"|"ready", ...}. */
  async analysis(id) {
    let response;
    try {
      response = await send(`/api/v1/applications/${encodeURIComponent(id)}/analysis`, { bearer: this.#token });
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 404) return { state: "none" };
      throw problem;
    }
    const answer = await response.json().catch(() => ({}));
    if (response.status === 202) {
      const seconds = Number(response.headers.get("Retry-After"));
      return { state: "pending", status: answer.status, retryMs: seconds > 0 ? seconds * 1000 : null };
    }
    if (answer.status === "withdrawn") return { state: "withdrawn" };
    if (answer.status === "failed") return { state: "failed", reason: first(answer.problem, answer.error) };
    return assessment(answer);
  }

  /** The plan's criteria by id; empty when there is no plan. */
  async criteria(id) {
    const plan = await this.#get(`/applications/${encodeURIComponent(id)}/plan`).catch(() => null);
    return new Map(list(first(plan?.criteria, plan?.plan?.criteria)).map((criterion) => [criterion.id, criterion]));
  }

  /** All attempts, oldest first. */
  async calls(id) {
    const answer = await this.#get(`/applications/${encodeURIComponent(id)}/calls`);
    return Array.isArray(answer) ? answer : list(first(answer?.items, answer?.calls));
  }

  /** What candidates asked in these calls and the posting does not answer, each once, and what a person should look at. */
  async notes(calls) {
    const all = await Promise.all(calls.map((call) => this.#get(`/calls/${encodeURIComponent(call.id)}`).catch(() => null)));
    return { questions: [...new Set(all.flatMap((call) => list(call?.unanswered_questions)))], flags: all.flatMap((call) => list(call?.flags)) };
  }

  /** What was said in all attempts, oldest first; each segment with its attempt. */
  async conversation(calls) {
    const said = await Promise.all(calls.map((call) => this.transcript(call.id ?? call.call_id)));
    return calls.flatMap((call, i) => said[i].map((segment) => ({ ...segment, attempt: call.attempt ?? i + 1 })));
  }

  async transcript(callId) {
    const answer = await this.#get(`/calls/${encodeURIComponent(callId)}/transcript`);
    return (Array.isArray(answer) ? answer : list(first(answer?.segments, answer?.items))).filter((segment) => segment && typeof segment.text === "string");
  }
}

function application(raw) {
  const job = first(raw.job_offer, raw.job) ?? {};
  return {
    id: first(raw.id, raw.application_id),
    candidate: first(raw.candidate?.name, raw.candidate_name, raw.candidate?.username, raw.username, raw.candidate_id, raw.candidate?.id) ?? "Unnamed candidate",
    role: first(job.title, job.objective, raw.job_title, raw.job_offer_id, job.id) ?? "",
    organization: first(job.organization?.name, job.organization, raw.organization) ?? "",
    status: raw.status ?? "applied",
    date: first(raw.updated_at, raw.created_at),
    score: first(raw.fit_score, raw.analysis?.fit_score, raw.score) ?? null,
    recommendation: first(raw.recommendation, raw.analysis?.recommendation) ?? null,
    analysis: first(raw.analysis_status, raw.analysis?.status) ?? null,
  };
}

function assessment(answer) {
  const body = first(answer.assessment, answer.fit_assessment) ?? answer;
  const score = first(body.score, answer.fit_score);
  const recommendation = first(body.recommendation, answer.recommendation);
  return {
    state: "ready",
    score: typeof score === "number" ? Math.round(score) : null,
    coverage: typeof body.coverage === "number" ? body.coverage : null,
    recommendation: first(recommendation, score === null || score === undefined ? "insufficient_evidence" : "review"),
    criteria: list(body.criteria),
    gates: list(body.gates),
    strengths: list(body.strengths).map(finding),
    concerns: list(body.concerns).map(finding),
    skills: list(first(answer.skills, body.skills)).map(skill).filter((one) => one.name),
    scorer: first(body.scorer_version, answer.scorer_version),
    rubric: first(body.rubric_version, answer.rubric_version),
    hash: first(body.transcript_sha256, answer.transcript_sha256),
    at: first(answer.completed_at, body.completed_at),
  };
}

const sentence = (item) => (typeof item === "string" ? item : String(first(item?.text, item?.summary, item?.name) ?? ""));
const finding = (item) => ({ text: sentence(item), evidence: list(item?.evidence) });
const skill = (item) => ({ name: sentence(item?.name ?? item), mentioned: item?.mentioned !== false, level: item?.level ?? null });
