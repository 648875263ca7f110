// A call from the candidate's side: keeps one link up, comes back when it breaks, and passes on what Emma sends.

import { Problem } from "/static/shared/api.js";
import { getInterview } from "./api.js";
import { Link } from "./link.js";

/** How long the page tries to come back by itself. The server keeps the place for as long. */
export const RETURN_MS = 60_000;
const PING_MS = 10_000;
const QUALITY_MS = 3_000;
/** How long Emma may take to say goodbye after the candidate has ended the call. */
const GOODBYE_MS = 8_000;

/** After a break, how long what was said before may take to arrive; a typed answer that is not among it was lost. */
const REPLAY_MS = 2_000;
/** Requests kept for the next connection; more than a person makes while one is away. */
const KEPT = 32;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @typedef {object} SessionEvents
 * @property {(message: object) => void} message what Emma's side sends, except pongs
 * @property {(stream: MediaStream) => void} voice her audio
 * @property {(phase: "connecting"|"warming"|"connected"|"shaky"|"reconnecting", deadline?: number) => void} phase
 * @property {(quality: "good"|"fair"|"poor") => void} quality
 * @property {(why: {kind: "ended", reason?: string, message?: string, status?: string} | {kind: "lost"|"elsewhere"} | {kind: "problem", problem: Problem}) => void} over
 *   said exactly once
 */
export class CallSession {
  #token;
  #iceServers;
  #events;
  #stream;
  #link = null;
  #muted = false;
  #over = false;
  #busy = false;
  #timers = [];
  #unsent = [];
  /** Typed answers that Emma's side has not shown to have. */
  #unconfirmed = [];

  /** @param {{token: string, iceServers: RTCIceServer[], stream: MediaStream|null, events: SessionEvents}} options */
  constructor({ token, iceServers, stream, events }) {
    this.#token = token;
    this.#iceServers = iceServers;
    this.#stream = stream;
    this.#events = events;
  }

  /** Joins. `resume` goes on with a call that is already running. */
  async start({ resume }) {
    this.#timers.push(setInterval(() => this.#measure(), QUALITY_MS));
    this.#timers.push(setInterval(() => this.#link?.send({ type: "ping" }), PING_MS));
    await this.#establish({ resume, first: true });
  }

  /** Sends a message of the data channel, now or when there is a connection. */
  send(message) {
    if (message.type === "text") this.#unconfirmed.push(message.text.trim());
    if (!this.#link?.send(message) && this.#unsent.length < KEPT) this.#unsent.push(message);
  }

  get hasMicrophone() {
    return Boolean(this.#stream);
  }

  get muted() {
    return this.#muted;
  }

  setMuted(muted) {
    this.#muted = muted;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.#tellMuted();
  }

  /** Takes a microphone into use: in place where one was in use, with a new connection where the candidate only typed. */
  async useMicrophone(stream) {
    this.#stream = stream;
    this.#muted = false;
    if (this.#link?.hasMicrophone) {
      await this.#link.replaceTrack(stream.getAudioTracks()[0]);
      this.#tellMuted();
    } else {
      this.#link?.close();
      await this.#establish({ resume: true, first: false });
    }
  }

  /** The candidate ends the interview. Emma may say goodbye before it is over. */
  async end() {
    const link = this.#link;
    if (link?.open) {
      link.send({ type: "end" });
      await wait(GOODBYE_MS);
      if (this.#over) return;
    }
    try {
      await link?.hangUp();
    } catch {
      // The server ends a call that nobody comes back to by itself.
    }
    this.#finish({ kind: "ended", reason: "candidate_ended" });
  }

  /** Leaves the connection without ending the call. */
  leave() {
    this.#over = true;
    this.#stopTimers();
    this.#link?.close();
  }

  async #establish({ resume, first }) {
    if (this.#busy || this.#over) return;
    this.#busy = true;
    const deadline = Date.now() + RETURN_MS;
    let pause = 500;
    let waiting = "reconnecting";
    this.#events.phase(first ? "connecting" : "reconnecting", deadline);
    while (!this.#over) {
      try {
        await this.#attempt(resume);
        this.#busy = false;
        this.#events.phase("connected");
        this.#tellMuted();
        this.#catchUp({ afterBreak: resume });
        return;
      } catch (error) {
        if (this.#over) return;
        if (await this.#isFinal(error, resume)) return;
        // A server that answers that it is not ready holds no place for us. Any other failure may have left a
        // half-made connection of ours behind, which the next attempt takes over.
        const notReady = error instanceof Problem && error.status > 0;
        if (!notReady) resume = true;
        waiting = first && notReady ? "warming" : "reconnecting";
      }
      if (Date.now() + pause >= deadline) {
        this.#finish({ kind: "lost" });
        return;
      }
      this.#events.phase(waiting, deadline);
      await Promise.race([wait(pause), new Promise((resolve) => window.addEventListener("online", resolve, { once: true }))]);
      pause = Math.min(pause * 2, 4_000);
    }
  }

  async #attempt(resume) {
    const track = this.#stream?.getAudioTracks()[0] ?? null;
    const link = new Link({
      iceServers: this.#iceServers,
      track,
      stream: this.#stream,
      events: {
        message: (message) => this.#received(message),
        voice: (stream) => this.#events.voice(stream),
        shaky: () => this.#events.phase("shaky"),
        steady: () => this.#events.phase("connected"),
        lost: () => this.#lost(link),
      },
    });
    this.#link = link;
    try {
      await link.connect(this.#token, { resume });
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Whether there is no point in trying again; says so to the page if it is. */
  async #isFinal(error, resume) {
    if (!(error instanceof Problem) || error.status === 0 || error.status >= 500 || error.status === 429) return false;
    if (error.status === 409 && error.slug === "call-already-live") {
      // While coming back, the server may not have noticed yet that the old connection is gone.
      if (resume) return false;
      this.#finish({ kind: "elsewhere" });
      return true;
    }
    try {
      const interview = await getInterview(this.#token);
      if (interview?.status === "finished") {
        this.#finish({ kind: "ended", reason: interview.end_reason });
        return true;
      }
    } catch {
      // The first problem says more than this one.
    }
    this.#finish({ kind: "problem", problem: error });
    return true;
  }

  /** Emma waits longer for somebody who types, and does not take their silence for a broken microphone. */
  #tellMuted() {
    this.#link?.send({ type: "mute", muted: this.#muted || !this.#stream });
  }

  /** Sends what could not be sent, and after a break once more what never arrived. */
  #catchUp({ afterBreak }) {
    const link = this.#link;
    const lost = afterBreak ? [...this.#unconfirmed] : [];
    for (const message of this.#unsent.splice(0)) {
      link.send(message);
      if (message.type === "text" && afterBreak) lost.splice(lost.indexOf(message.text.trim()), 1);
    }
    if (lost.length === 0) return;
    setTimeout(() => {
      if (link !== this.#link) return;
      for (const text of lost) if (this.#unconfirmed.includes(text)) link.send({ type: "text", text });
    }, REPLAY_MS);
  }

  #confirmed(text) {
    const at = this.#unconfirmed.indexOf(text.trim());
    if (at >= 0) this.#unconfirmed.splice(at, 1);
  }

  #lost(link) {
    if (this.#over || link !== this.#link) return;
    this.#establish({ resume: true, first: false });
  }

  #received(message) {
    if (message.type === "pong" || this.#over) return;
    if (message.type === "caption" && message.speaker === "candidate" && message.final) this.#confirmed(String(message.text));
    this.#events.message(message);
    if (message.type === "ended") {
      this.#finish({ kind: "ended", reason: message.end_reason, status: message.status, message: message.message });
    }
  }

  async #measure() {
    const quality = await this.#link?.quality().catch(() => null);
    if (!quality || this.#over) return;
    const { rttMs, lossPercent, jitterMs } = quality;
    const poor = lossPercent > 8 || rttMs > 600 || jitterMs > 120;
    const fair = lossPercent > 2 || rttMs > 250 || jitterMs > 50;
    this.#events.quality(poor ? "poor" : fair ? "fair" : "good");
  }

  #finish(why) {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimers();
    const link = this.#link;
    // What Emma said last may still be in the audio buffer.
    setTimeout(() => link?.close(), why.kind === "ended" ? 1_000 : 0);
    this.#events.over(why);
  }

  #stopTimers() {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }
}
