// What a page shows and receives, for any browser driver whose pages can evaluate.

/** Runs in the page before anything else: keeps connections and messages where a test can look at them. */
export function watch() {
  window.seen = { messages: [], connections: [] };
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      window.seen.connections.push(this);
    }

    createDataChannel(...given) {
      const channel = super.createDataChannel(...given);
      channel.addEventListener("message", (event) => window.seen.messages.push(JSON.parse(event.data)));
      return channel;
    }
  };
}

/** What the call looks like now. */
export const look = (page) =>
  page.evaluate(() => ({
    step: document.body.dataset.step,
    state: document.body.dataset.state,
    topic: Number(/Topic (\d+)/.exec(document.querySelector("[data-topic]")?.textContent ?? "")?.[1] ?? 0),
    emma: document.querySelectorAll(".line.emma").length,
    candidate: document.querySelectorAll(".line.candidate").length,
    banner: document.querySelector("[data-banner]")?.hidden === false,
  }));

/** The final captions, in order: [speaker, text]. */
export const captions = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".line:not(.partial)")].map((line) => [line.classList.contains("emma") ? "emma" : "candidate", line.querySelector(".said").textContent]),
  );

/** Energy of Emma's audio as it arrived, over all connections. */
export const energy = (page) =>
  page.evaluate(async () => {
    let sum = 0;
    for (const connection of window.seen.connections) {
      if (connection.connectionState === "closed") continue;
      for (const entry of (await connection.getStats()).values()) if (entry.type === "inbound-rtp") sum += entry.totalAudioEnergy ?? 0;
    }
    return sum;
  });

/** Asks the recruiter's side. */
export async function ask(base, recruiter, path) {
  const response = await fetch(`${base}/api/v1${path}`, { headers: { Authorization: `Bearer ${recruiter}` } });
  return { status: response.status, body: await response.json().catch(() => null) };
}
