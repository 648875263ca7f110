// The candidate's side of the HTTP interface.

import { Problem, send, sendJson } from "/static/shared/api.js";

const base = (token) => `/api/v1/interviews/${encodeURIComponent(token)}`;

/** What this link is for and how far the interview has come. */
export const getInterview = (token) => sendJson(base(token));

/** Accepts or declines; answers with the token to use from now on. */
export const postConsent = (token, { version, accepted, recording }) =>
  sendJson(`${base(token)}/consent`, { method: "POST", json: { version, accepted, recording } });

/** Withdraws consent: the call ends and what was said is deleted. */
export const withdrawConsent = (token) => send(`${base(token)}/consent`, { method: "DELETE" });

/**
 * Offers a connection. `resume` takes a running call over.
 * @returns {Promise<{answer: string, location: string}>} the answer's SDP and where to send candidates
 */
export async function postOffer(token, sdp, { resume = false } = {}) {
  const response = await send(`${base(token)}/offer${resume ? "?resume=1" : ""}`, {
    method: "POST",
    body: sdp,
    type: "application/sdp",
    accept: "application/sdp",
    timeoutMs: 15_000,
  });
  const location = response.headers.get("Location");
  const answer = await response.text();
  if (!location || !answer) throw new Problem({ status: response.status, type: "bad-answer", title: "The server's answer is incomplete." });
  // Only the path counts: behind a proxy the server may not know its public origin.
  return { answer, location: new URL(location, window.location.href).pathname };
}

/** Sends ICE candidates; an empty `candidate` says that these were all. */
export const patchCandidates = (location, candidates) =>
  send(location, { method: "PATCH", json: { candidates } });

/** Hangs up. */
export const hangUp = (location) => send(location, { method: "DELETE", timeoutMs: 5_000 });
