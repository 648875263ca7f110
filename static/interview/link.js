// One WebRTC connection to Emma: microphone out, her voice in, and the data channel for captions, state and text.

import { hangUp, patchCandidates, postOffer } from "./api.js";

/** Candidates found within this time travel in one request. */
const TRICKLE_MS = 100;
/** How long a connection may take to come about. */
const CONNECT_MS = 15_000;
/** Emma's side sends something every 400 ms at least, also while she is silent. After this long without a packet the
    connection is unsteady; browsers notice by themselves after 5 s and more. */
const SILENT_MS = 2_500;
const WATCH_MS = 1_000;
/** How long an unsteady connection may take to recover before it counts as lost. */
const RECOVER_MS = 3_500;

/**
 * @typedef {object} LinkEvents
 * @property {(message: object) => void} message a message of the data channel
 * @property {(stream: MediaStream) => void} voice Emma's audio has arrived
 * @property {() => void} lost the connection is gone; said once, never after `close`
 * @property {() => void} shaky nothing arrives just now, it may come back by itself
 * @property {() => void} steady it came back by itself
 */
export class Link {
  #pc;
  #channel;
  #events;
  #location = null;
  #waiting = [];
  #flushTimer = 0;
  #lostTimer = 0;
  #watchTimer = 0;
  #packets = { received: 0, at: 0 };
  #sender = null;
  #lastInbound = null;
  #done = false;
  #connected;
  #settle;

  /** @param {{iceServers: RTCIceServer[], track: MediaStreamTrack|null, stream: MediaStream|null, events: LinkEvents}} options */
  constructor({ iceServers, track, stream, events }) {
    this.#events = events;
    this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#connected = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // The channel comes before the offer, so that the offer has its section.
    this.#channel = this.#pc.createDataChannel("emma", { ordered: true });
    this.#channel.onopen = () => this.#settle.resolve();
    this.#channel.onmessage = (event) => this.#received(event.data);
    this.#channel.onclose = () => this.#lose();
    if (track) this.#sender = this.#pc.addTransceiver(track, { direction: "sendrecv", streams: [stream] }).sender;
    else this.#pc.addTransceiver("audio", { direction: "recvonly" });
    this.#pc.ontrack = (event) => events.voice(event.streams[0] ?? new MediaStream([event.track]));
    this.#pc.onicecandidate = (event) => this.#found(event.candidate);
    this.#pc.onconnectionstatechange = () => this.#stateChanged();
    this.#pc.oniceconnectionstatechange = () => this.#stateChanged();
  }

  /** Makes the connection; resolves when the data channel is open. */
  async connect(token, { resume }) {
    this.#connected.catch(() => {});
    const timer = setTimeout(() => this.#settle.reject(new Error("no connection in time")), CONNECT_MS);
    try {
      await this.#pc.setLocalDescription(await this.#pc.createOffer());
      const { answer, location } = await postOffer(token, this.#pc.localDescription.sdp, { resume });
      this.#location = location;
      await this.#pc.setRemoteDescription({ type: "answer", sdp: answer });
      this.#flushSoon();
      await this.#connected;
      this.#watchTimer = setInterval(() => this.#watch().catch(() => {}), WATCH_MS);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a message; false where the channel is not open. */
  send(message) {
    if (!this.open) return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /** Whether messages get through now. */
  get open() {
    return this.#channel.readyState === "open";
  }

  /** Whether a microphone was part of the offer. */
  get hasMicrophone() {
    return this.#sender !== null;
  }

  /** Goes on with another microphone. */
  async replaceTrack(track) {
    await this.#sender?.replaceTrack(track);
  }

  /** How good the connection is: {rttMs, lossPercent, jitterMs} since the last call; null while unknown. */
  async quality() {
    if (this.#done) return null;
    const report = await this.#pc.getStats();
    let rttMs = null;
    let inbound = null;
    for (const entry of report.values()) {
      if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
        rttMs = entry.currentRoundTripTime * 1000;
      } else if (entry.type === "inbound-rtp" && entry.kind === "audio") inbound = entry;
    }
    if (!inbound) return null;
    const before = this.#lastInbound ?? { packetsLost: 0, packetsReceived: 0 };
    this.#lastInbound = inbound;
    const lost = Math.max(0, inbound.packetsLost - before.packetsLost);
    const received = Math.max(0, inbound.packetsReceived - before.packetsReceived);
    return { rttMs, lossPercent: lost + received > 0 ? (100 * lost) / (lost + received) : 0, jitterMs: (inbound.jitter ?? 0) * 1000 };
  }

  /** Leaves without hanging up: the call stays open for another connection. */
  close() {
    this.#done = true;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#lostTimer);
    clearInterval(this.#watchTimer);
    this.#settle.reject(new Error("closed"));
    this.#channel.close();
    this.#pc.close();
  }

  /** Ends the call for good. */
  async hangUp() {
    if (this.#location) await hangUp(this.#location);
  }

  #received(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message && typeof message.type === "string") this.#events.message(message);
  }

  #found(candidate) {
    // null means that the browser has found all it can find; the interface says that with an empty candidate.
    this.#waiting.push(
      candidate
        ? { candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex }
        : { candidate: "", sdpMid: "0", sdpMLineIndex: 0 },
    );
    this.#flushSoon();
  }

  #flushSoon() {
    if (this.#flushTimer || !this.#location || this.#done || this.#waiting.length === 0) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = 0;
      const batch = this.#waiting.splice(0);
      // A lost batch is not fatal: the other side learns our addresses from our connectivity checks.
      patchCandidates(this.#location, batch).catch(() => {});
    }, TRICKLE_MS);
  }

  #stateChanged() {
    if (this.#done) return;
    const state = this.#pc.connectionState;
    const ice = this.#pc.iceConnectionState;
    if (state === "failed" || state === "closed" || ice === "failed") this.#lose();
    else if (state === "disconnected" || ice === "disconnected") this.#unsteady();
    else if (state === "connected") this.#steady();
  }

  /** Looks whether packets still arrive. */
  async #watch() {
    let received = 0;
    for (const entry of (await this.#pc.getStats()).values()) if (entry.type === "inbound-rtp") received += entry.packetsReceived ?? 0;
    if (this.#done) return;
    const now = performance.now();
    if (received !== this.#packets.received) {
      this.#packets = { received, at: now };
      if (this.#pc.connectionState === "connected") this.#steady();
    } else if (received > 0 && now - this.#packets.at > SILENT_MS) this.#unsteady();
  }

  #unsteady() {
    if (this.#lostTimer) return;
    this.#events.shaky();
    this.#lostTimer = setTimeout(() => this.#lose(), RECOVER_MS);
  }

  #steady() {
    if (!this.#lostTimer) return;
    clearTimeout(this.#lostTimer);
    this.#lostTimer = 0;
    this.#events.steady();
  }

  #lose() {
    if (this.#done) return;
    const wasOpen = this.#channel.readyState !== "connecting";
    this.close();
    if (wasOpen) this.#events.lost();
  }
}
