// Requests to Emma's HTTP interface. Every failure is a Problem, also when nothing answered at all.

/** What went wrong with a request: RFC 9457 where the server sent one. `status` is 0 when no answer came. */
export class Problem extends Error {
  constructor({ status = 0, type = "", title = "", detail = "" }) {
    super(detail || title || `HTTP ${status}`);
    this.status = status;
    /** The last part of the problem's type, e.g. `invitation-expired`. */
    this.slug = String(type).split("/").pop();
    this.title = title;
    this.detail = detail;
  }
}

/**
 * Sends a request and returns the response.
 * @param {string} path below the origin
 * @param {{method?: string, json?: unknown, body?: string, type?: string, accept?: string, bearer?: string, timeoutMs?: number}} options
 */
export async function send(path, { method = "GET", json, body, type, accept = "application/json", bearer, timeoutMs = 10_000 } = {}) {
  const headers = { Accept: accept };
  if (json !== undefined) type = "application/json";
  if (type) headers["Content-Type"] = type;
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: json === undefined ? body : JSON.stringify(json),
      signal: AbortSignal.timeout(timeoutMs),
      cache: "no-store",
      credentials: "same-origin",
    });
  } catch {
    throw new Problem({ type: "no-answer", title: "The server did not answer." });
  }
  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy in between may answer with a page; the status alone says enough.
  }
  throw new Problem({ ...problem, status: response.status });
}

/** Sends a request and returns the JSON of the answer; `null` for an empty one. */
export async function sendJson(path, options) {
  const response = await send(path, options);
  const text = await response.text();
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem({ status: response.status, type: "not-json", title: "The server's answer could not be read." });
  }
}
