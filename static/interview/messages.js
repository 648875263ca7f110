// What the pages before and after the call say: how it ended, and why a link does not work.

const RIGHTS = [
  "You can ask to talk with a person, or to have a person look at the summary again.",
  "You can ask what is stored about you, and have it deleted.",
  "You can ask anything else about the process.",
];

const NEXT = "The hiring team reads the summary and decides what comes next. They will write to you.";

/** Page per end reason: {title, lead, tone, icon, next}. Anything unknown gets the general thanks. */
const ENDINGS = {
  agenda_completed: { title: "Thank you, that was everything", lead: "You have been through all the topics. It was good to talk with you." },
  time_limit: { title: "Thank you, our time is up", lead: "Everything you said has been kept. Topics we did not reach do not count against you." },
  candidate_ended: { title: "Thank you for your time", lead: "You ended the interview. What you said until then is passed on; topics we did not reach do not count against you." },
  human_requested: { title: "A person will get in touch", lead: "You asked to talk with a person. The hiring team has been told. Asking for this does not count against you.", icon: "person" },
  accommodation_requested: { title: "We will find a way that suits you", lead: "The hiring team has been told what you need and will get in touch to arrange it.", icon: "person" },
  consent_withdrawn: { title: "Your consent is withdrawn", lead: "The interview has ended and what you said in it is deleted.", icon: "shield", next: "If you still want to apply, you can ask the hiring team to talk with a person instead." },
  wellbeing_stop: { title: "Let's stop here for today", lead: "How you are matters more than an interview. Nothing from today counts against you. A person from the hiring team will get in touch.", icon: "person", tone: "warm" },
  conduct_stop: { title: "The interview has ended", lead: "Emma ended this conversation. A person will look at what happened.", icon: "info", tone: "warm" },
  disconnect_timeout: { title: "We lost the connection", lead: "The interview was interrupted and did not continue in time.", icon: "wifi", tone: "warm", next: "You can come back with the same link for 24 hours: it goes on where it stopped." },
  no_audio: { title: "We could not hear you", lead: "No sound reached Emma, so the interview stopped. This does not count against you.", icon: "mic-off", tone: "warm", next: "The hiring team has been told and can offer you another time, or a written interview." },
  system_error: { title: "Something broke on our side", lead: "We are sorry. This was not your doing and does not count against you.", icon: "alert", tone: "warm", next: "The hiring team has been told. If you do not hear from them, please write to them." },
  recruiter_cancelled: { title: "The interview was called off", lead: "The hiring team ended this interview. It was nothing you did here.", icon: "info", tone: "warm", next: "They will tell you how it goes on." },
};

/** The page after the interview. */
export function goodbye(reason, organization) {
  const ending = ENDINGS[reason] ?? { title: "Thank you for your time", lead: "The interview is over." };
  return {
    ...ending,
    heading: "What happens next",
    points: [ending.next ?? NEXT, "A person makes every decision, not Emma.", ...RIGHTS],
    foot: `To use any of these rights, answer the message that brought you here${organization ? ` from ${organization}` : ""}. You can close this page now.`,
  };
}

/** The page after somebody did not agree. */
export const declined = (message) => ({
  title: "That is perfectly fine",
  lead: message || "You did not agree to talk with an AI interviewer, so nothing was recorded or stored.",
  icon: "person",
  heading: "You can still apply",
  points: [
    "The hiring team has been told and can offer you a conversation with a person instead.",
    "Not agreeing does not count against you.",
    "If you change your mind, ask them for a new link.",
  ],
  foot: "Answer the message that brought you here to arrange it. You can close this page now.",
});

/** The page when the connection could not be brought back. */
export const interrupted = {
  title: "We could not bring the connection back",
  lead: "Your place is kept. Everything you said so far is safe.",
  icon: "wifi",
  tone: "warm",
  heading: "How to go on",
  points: ["Check your internet connection, or move closer to your router.", "Choose “Try again”, or open the same link later. It works for 24 hours and goes on where it stopped."],
  retry: "Try again",
};

/** The page when the same interview runs in another window. */
export const elsewhere = {
  title: "This interview is open somewhere else",
  lead: "It is running in another window or on another device. You can have it in one place at a time.",
  icon: "info",
  tone: "warm",
  heading: "What you can do",
  points: ["Go back to the other window and carry on there.", "Or close it, and continue here."],
  retry: "Continue here",
};

/** The page for a link or a request that failed. */
export function trouble(problem) {
  const contact = "Answer the message that brought you here; the hiring team can send you a new link.";
  const pages = {
    "invitation-not-found": { title: "We don't know this link", lead: "The address may be incomplete.", points: ["Open the link again from the message you received, or copy all of it.", contact] },
    "invitation-expired": { title: "This link has expired", lead: "Interview links work for a limited time only.", points: [contact] },
    "invitation-revoked": { title: "This link is no longer valid", lead: "The hiring team has withdrawn it, perhaps because they sent you a newer one.", points: ["Look for a newer message from them.", contact] },
    "invitation-used": { title: "This link has been used", lead: "The interview that belongs to it is over. Every link works for one interview.", points: ["If this was not you, please tell the hiring team.", contact] },
  };
  const byStatus = { 404: "invitation-not-found", 410: "invitation-expired" };
  const page = pages[problem.slug] ?? pages[byStatus[problem.status]];
  if (page) return { ...page, icon: "info", tone: "warm", heading: "What you can do" };
  if (problem.status === 0) {
    return {
      title: "We can't reach the interview",
      lead: "There was no answer. Your connection may be down, or the server is restarting.",
      icon: "wifi",
      tone: "warm",
      heading: "What you can do",
      points: ["Check that you are online.", "Wait a minute, then try again."],
      retry: "Try again",
    };
  }
  return {
    title: "Something went wrong",
    lead: problem.title || "The interview could not be opened.",
    icon: "alert",
    tone: "warm",
    heading: "What you can do",
    points: ["Try again in a minute.", "If it keeps happening, answer the message that brought you here."],
    retry: "Try again",
  };
}
