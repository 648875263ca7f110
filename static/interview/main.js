// The candidate's way through the interview: welcome, consent, sound check, call, goodbye.

import { $, $$, el, fill, icon, setIcon } from "/static/shared/dom.js";
import { getInterview, postConsent } from "./api.js";
import { secureAddress } from "./audio.js";
import { CallScreen } from "./callscreen.js";
import { SoundCheck } from "./check.js";
import { declined, elsewhere, goodbye, interrupted, trouble } from "./messages.js";

const STEPS = ["welcome", "consent", "check", "call"];

let token = decodeURIComponent(window.location.pathname.split("/").filter(Boolean).pop() ?? "");
let interview = null;
let resuming = false;

const check = new SoundCheck($('[data-section="check"]'), (stream) => startCall(stream));

/** Shows one step and moves the focus to its heading. */
function show(step, title) {
  document.body.dataset.step = step;
  for (const section of $$("[data-section]")) section.hidden = section.dataset.section !== step;
  const at = STEPS.indexOf(step);
  $("[data-steps]").hidden = at < 0;
  $$("[data-steps] li").forEach((item, i) => {
    item.toggleAttribute("data-done", i < at);
    if (i === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
  if (step === "loading") return;
  window.scrollTo(0, 0);
  const heading = $(`[data-section="${step}"] h1`);
  document.title = `${title ?? heading.textContent.trim()} · Emma`;
  heading.focus({ preventScroll: true });
}

/** Shows a page that is all text: goodbye, declined, errors. `retry` names a button that calls `again`. */
function showMessage(name, page, again) {
  $("[data-message-title]").textContent = page.title;
  $("[data-message-lead]").textContent = page.lead;
  const seal = $("[data-message-seal]");
  seal.className = page.tone === "warm" ? "seal warm" : "seal";
  setIcon(seal, page.icon ?? "check");
  $("[data-message-card]").hidden = !page.points?.length;
  $("[data-message-heading]").textContent = page.heading ?? "";
  $("[data-message-points]").replaceChildren(...(page.points ?? []).map((text) => el("li", { text })));
  const actions = [];
  if (page.retry) actions.push(el("button", { class: "button primary", text: page.retry, on: { click: again } }));
  const email = interview?.contact?.email;
  if (email && !page.retry) actions.push(el("a", { class: "button", href: `mailto:${encodeURIComponent(email)}` }, icon("person"), "Write to a person"));
  $("[data-message-actions]").replaceChildren(...actions);
  $("[data-message-foot]").textContent = page.foot ?? "";
  show("message", page.title);
  // Tests and the styles tell the message pages apart by their names.
  document.body.dataset.step = name;
}

/** Asks the server where this interview stands and shows the step that fits. */
async function load() {
  show("loading");
  try {
    interview = await getInterview(token);
  } catch (problem) {
    showMessage("error", trouble(problem), load);
    return;
  }
  describe();
  switch (interview.status) {
    case "finished":
      showMessage("goodbye", goodbye(interview.end_reason, interview.job?.organization));
      break;
    case "declined":
      showMessage("declined", declined());
      break;
    case "ready":
      showCheck(false);
      break;
    case "live":
    case "reconnecting":
      showCheck(true);
      break;
    default:
      show("welcome");
  }
}

/** Puts what the server said about this interview into the pages. */
function describe() {
  const { job = {}, consent = {} } = interview;
  fill({
    title: job.title || "this role",
    organization: job.organization || "Interview",
    duration: interview.duration_min ?? 12,
    topics: interview.topics ?? "a few",
    consentVersion: consent.version ?? "",
  });
  const secure = secureAddress(interview.secure_url, token);
  $("[data-secure]").hidden = !secure;
  if (secure) $("[data-secure] a").href = secure;
  if (interview.candidate_name) $("[data-hello]").textContent = `Hello ${interview.candidate_name}, and welcome.`;
  if (interview.recording) $("[data-stored]").textContent = "A written transcript, a summary of it, and, only if you allow it, an audio recording.";
  $("[data-recording-row]").hidden = !interview.recording;
  $("[data-consent-text]").replaceChildren(...consentParagraphs(consent).map((text) => el("p", { text })));
}

/** The consent text as plain paragraphs, whichever form it came in. */
function consentParagraphs({ paragraphs, text_html: html }) {
  if (Array.isArray(paragraphs) && paragraphs.length > 0) return paragraphs.map(String);
  if (!html) return ["The consent text could not be loaded. Please load this page again."];
  const parsed = new DOMParser().parseFromString(String(html), "text/html");
  const blocks = [...parsed.querySelectorAll("p, li, h1, h2, h3, h4")].map((node) => node.textContent.trim()).filter(Boolean);
  return blocks.length > 0 ? blocks : [parsed.body.textContent.trim()];
}

async function consent(accepted) {
  const error = $("[data-consent-error]");
  const buttons = $$("[data-consent-form] button");
  error.hidden = true;
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await postConsent(token, {
      version: interview.consent?.version,
      accepted,
      recording: interview.recording ? accepted && $("[data-recording]").checked : undefined,
    });
    if (answer?.token && answer.token !== token) {
      token = answer.token;
      // From here on a reload must find this person's own interview, not the open link.
      history.replaceState(null, "", `/i/${encodeURIComponent(token)}`);
    }
    if (answer?.status === "declined" || !accepted) showMessage("declined", declined(answer?.message));
    else showCheck(false);
  } catch (problem) {
    if (problem.slug === "consent-version") {
      await load();
      if (interview) show("consent");
      error.textContent = "The text has changed in the meantime. Please read it once more.";
      error.hidden = false;
    } else if (problem.status === 404 || problem.status === 410) {
      showMessage("error", trouble(problem), load);
    } else {
      error.textContent = "That did not work. Please try again in a moment.";
      error.hidden = false;
    }
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function showCheck(resume) {
  resuming = resume;
  $("[data-check-title]").textContent = resume ? "Welcome back" : "Let's check your sound";
  $("[data-check-lead]").textContent = resume
    ? "Your place is kept. Check your sound, then go on where you stopped."
    : "Emma needs to hear you, and you need to hear Emma. This takes a few seconds.";
  $("[data-start]").textContent = resume ? "Continue the interview" : "Start the interview";
  show("check");
  check.show(secureAddress(interview.secure_url, token));
}

function startCall(stream) {
  show("call", "Interview");
  new CallScreen($('[data-section="call"]'), { token, interview, stream, resume: resuming, over }).start();
}

/** The call is over for this page, for whatever reason. */
function over(why) {
  switch (why.kind) {
    case "ended":
      showMessage("goodbye", goodbye(why.reason, interview.job?.organization));
      break;
    case "lost":
      showMessage("interrupted", interrupted, load);
      break;
    case "elsewhere":
      showMessage("elsewhere", elsewhere, () => showCheck(true));
      break;
    default:
      if (why.problem.slug === "consent-required") show("consent");
      else showMessage("error", trouble(why.problem), load);
  }
}

$('[data-go="consent"]').addEventListener("click", () => show("consent"));
$("[data-decline]").addEventListener("click", () => consent(false));
$("[data-consent-form]").addEventListener("submit", (event) => {
  event.preventDefault();
  consent(true);
});
load();
