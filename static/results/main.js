// The recruiter's results: sign in with a token, choose an application, read what was found and why.

import { $, el } from "/static/shared/dom.js";
import { Recruiter } from "./api.js";
import { Detail } from "./detail.js";
import { day, recommendationOf, statusOf } from "./words.js";

const KEY = "emma.recruiter";

let recruiter = null;
let detail = null;
let applications = [];
let next = null;

/** The token of this tab. Storage may be blocked; then it lasts until the page is left. */
const stored = {
  get() {
    try {
      return sessionStorage.getItem(KEY);
    } catch {
      return null;
    }
  },
  set(token) {
    try {
      if (token) sessionStorage.setItem(KEY, token);
      else sessionStorage.removeItem(KEY);
    } catch {
      // See above.
    }
  },
};

const chosen = () => new URLSearchParams(window.location.search).get("application");

/** Takes the token out of the address, so that it is neither bookmarked nor seen. */
function takeFragment() {
  const handed = new URLSearchParams(window.location.hash.slice(1));
  const token = handed.get("token");
  const application = handed.get("application");
  if (token) stored.set(token);
  if (token || application) history.replaceState(null, "", application ? `/results?application=${encodeURIComponent(application)}` : "/results");
  return token;
}

function show(section) {
  document.body.dataset.step = section;
  $('[data-section="sign-in"]').hidden = section !== "sign-in";
  $('[data-section="desk"]').hidden = section !== "desk";
  $("[data-sign-out]").hidden = section !== "desk";
}

function signIn(message) {
  show("sign-in");
  const error = $("[data-sign-in-error]");
  error.textContent = message ?? "";
  error.hidden = !message;
  $("[data-token]").focus();
}

async function open(token) {
  recruiter = new Recruiter(token);
  try {
    ({ items: applications, next } = await recruiter.applications());
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) {
      stored.set(null);
      signIn("This token is not accepted. Please check it and try again.");
    } else signIn(problem.status === 0 ? "The server did not answer. Please try again." : "The results could not be loaded. Please try again.");
    return;
  }
  stored.set(token);
  detail = new Detail($("[data-detail]"), recruiter, { back: () => choose(null) });
  show("desk");
  await renderChoice();
}

/** Shows the application that the address names. */
async function renderChoice({ focus = false } = {}) {
  const id = chosen();
  document.body.toggleAttribute("data-chosen", Boolean(id));
  renderList();
  if (!id) {
    detail.empty();
    document.title = "Interview results · Emma";
    if (focus) $("#list-title").focus();
    return;
  }
  await detail.show(id, { focus });
}

function choose(id) {
  history.pushState(null, "", id ? `/results?application=${encodeURIComponent(id)}` : "/results");
  renderChoice({ focus: true });
}

function renderList() {
  const wanted = $("[data-filter]").value.trim().toLowerCase();
  const shown = applications.filter((item) => `${item.candidate} ${item.role} ${statusOf(item.status)[0]}`.toLowerCase().includes(wanted));
  $("[data-list]").replaceChildren(...shown.map(row));
  const count = applications.length;
  $("[data-list-status]").textContent =
    count === 0
      ? "No applications yet. They appear here as soon as somebody applies."
      : wanted
        ? `${shown.length} of ${count} shown`
        : `${next ? "The latest " : ""}${count} ${count === 1 ? "application" : "applications"}`;
  $("[data-more]").hidden = !next;
}

function row(item) {
  const [label, tone] = statusOf(item.status);
  const current = item.id === chosen();
  const link = el(
    "a",
    { class: "item", href: `/results?application=${encodeURIComponent(item.id)}`, "aria-current": current ? "true" : null },
    el("span", { class: "item-name", text: item.candidate }),
    el("span", { class: "item-score" }, score(item)),
    el("span", { class: "item-role soft small", text: item.role }),
    el("span", { class: "item-meta" }, el("span", { class: `tag ${tone}`, text: label }), el("time", { class: "soft small", datetime: item.date ?? null, text: day(item.date) })),
  );
  link.addEventListener("click", (event) => {
    // A click with a modifier opens another tab, as with every link.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    choose(item.id);
  });
  return el("li", {}, link);
}

function score(item) {
  if (typeof item.score === "number") {
    const advice = item.recommendation ? recommendationOf(item.recommendation) : null;
    return [
      advice ? el("span", { class: `tag ${advice.tone}`, text: advice.label }) : "",
      el("span", { class: "sr-only", text: " Fit score " }),
      ` ${Math.round(item.score)}`,
    ];
  }
  if (item.recommendation === "insufficient_evidence") return el("span", { class: "soft small", text: recommendationOf(item.recommendation).label });
  return "";
}

async function more() {
  const page = await recruiter.applications(next).catch(() => null);
  if (!page) return;
  applications = applications.concat(page.items);
  next = page.next;
  renderList();
}

$("[data-sign-in]").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("[data-token]").value.trim();
  if (token) open(token);
});
$("[data-sign-out]").addEventListener("click", () => {
  stored.set(null);
  detail?.stop();
  history.replaceState(null, "", "/results");
  $("[data-token]").value = "";
  signIn();
});
$("[data-filter]").addEventListener("input", renderList);
$("[data-more]").addEventListener("click", more);
window.addEventListener("popstate", () => detail && renderChoice({ focus: true }));
window.addEventListener("hashchange", () => {
  const token = takeFragment();
  if (token) open(token);
});

const token = takeFragment() ?? stored.get();
if (token) open(token);
else signIn();
