// The call as the candidate sees it: Emma's state, captions, progress, controls.

import { $, $$, el, setIcon } from "/static/shared/dom.js";
import { LevelMeter, microphoneTrouble, openMicrophone } from "./audio.js";
import { Captions } from "./captions.js";
import { Orb } from "./orb.js";
import { CallSession } from "./session.js";
import { Settings, confirmDialog, shortcutOf, showDialog } from "./dialogs.js";
import { withdrawConsent } from "./api.js";

const STATES = {
  connecting: ["Connecting…", "One moment, please"],
  listening: ["Emma is listening", "Speak or type whenever you are ready"],
  thinking: ["Emma is thinking", ""],
  speaking: ["Emma is speaking", "You can interrupt her at any time"],
  paused: ["Take your time", "Emma waits for you"],
  reconnecting: ["Reconnecting…", "You can go on typing"],
  ended: ["The interview is over", ""],
};
const QUALITY = { good: "Good connection", fair: "Weak connection", poor: "Poor connection" };
const BANNERS = {
  warming: ["Emma is getting ready.", "She joins as soon as she can."],
  shaky: ["Your connection is unsteady.", "We are waiting for it to recover."],
  reconnecting: ["The connection is lost.", "Reconnecting. Your place is kept."],
};
const NOTICE_MS = 7_000;

export class CallScreen {
  #root;
  #options;
  #session;
  #captions;
  #orb;
  #settings;
  #emmaMeter = null;
  #candidateMeter = null;
  #stream;
  #timers = [];
  #noticeTimer = 0;
  #countdown = 0;
  #emmaState = "listening";
  #wakeLock = null;
  #listeners = new AbortController();

  /**
   * @param {HTMLElement} root
   * @param {{token: string, interview: object, stream: MediaStream|null, resume: boolean, over: (why: object) => void}} options
   */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    this.#stream = options.stream;
    this.#captions = new Captions($(".captions", root));
    this.#captions.clear();
    this.#settings = new Settings(this.#captions);
    this.#orb = new Orb($("[data-orb]", root), () => this.#levels());
    this.#session = new CallSession({
      token: options.token,
      iceServers: options.interview.ice_servers ?? [],
      stream: options.stream,
      events: {
        message: (message) => this.#received(message),
        voice: (stream) => this.#voice(stream),
        phase: (phase, deadline) => this.#phase(phase, deadline),
        quality: (quality) => this.#quality(quality),
        over: (why) => this.#over(why),
      },
    });
  }

  start() {
    this.#showState("connecting");
    const { topics, topics_done: done = 0, elapsed_ms: elapsed = 0 } = this.#options.interview;
    this.#topic(done > 0 ? Math.min(done + 1, topics) : 0, Number(topics) || 0, "");
    this.#useMicrophone(this.#stream);
    this.#wire();
    this.#orb.start();
    // After a break the clock goes on where it stopped.
    const began = Date.now() - elapsed;
    const tell = () => {
      const minutes = Math.floor((Date.now() - began) / 60_000);
      $("[data-elapsed]", this.#root).textContent = minutes < 1 ? "Just started" : `${minutes} min of about ${this.#options.interview.duration_min ?? 12}`;
    };
    tell();
    this.#timers.push(setInterval(tell, 5_000));
    this.#keepAwake();
    this.#session.start({ resume: this.#options.resume });
  }

  #wire() {
    const root = this.#root;
    const on = (selector, type, handler) => $(selector, root).addEventListener(type, handler, { signal: this.#listeners.signal });
    const answer = $("[data-answer]", root);
    on("[data-mute]", "click", () => this.#toggleMute());
    on("[data-repeat]", "click", () => this.#ask("repeat", "Emma will say it again."));
    on("[data-more-time]", "click", () => this.#ask("more_time", "Take all the time you need."));
    on("[data-end]", "click", () => confirmDialog("end", () => this.#end()));
    on("[data-composer]", "submit", (event) => {
      event.preventDefault();
      this.#sendTyped();
    });
    on("[data-answer]", "keydown", (event) => {
      // While an input method composes a character, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#sendTyped();
    });
    on("[data-unlock]", "click", () => this.#playVoice());
    this.#wireMenu();
    document.addEventListener("keydown", (event) => {
      const shortcut = shortcutOf(event, this.#settings.shortcuts);
      if (!shortcut) return;
      event.preventDefault();
      if (shortcut === "mute") this.#toggleMute();
      else if (shortcut === "type") answer.focus();
      else showDialog("shortcuts");
    }, { signal: this.#listeners.signal });
    document.addEventListener("visibilitychange", () => this.#keepAwake(), { signal: this.#listeners.signal });
  }

  #wireMenu() {
    const button = $("[data-menu-button]", this.#root);
    const menu = $("[data-menu]", this.#root);
    const { signal } = this.#listeners;
    const open = (yes) => {
      menu.hidden = !yes;
      button.setAttribute("aria-expanded", String(yes));
    };
    open(false);
    button.addEventListener("click", () => open(menu.hidden), { signal });
    document.addEventListener("click", (event) => {
      if (!menu.hidden && !event.target.closest(".menu-anchor")) open(false);
    }, { signal });
    button.parentElement.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || menu.hidden) return;
      open(false);
      button.focus();
    }, { signal });
    button.parentElement.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) open(false);
    }, { signal });
    const actions = {
      human: () => confirmDialog("human", () => this.#ask("human", "Emma says goodbye, and a person will get in touch.")),
      shortcuts: () => showDialog("shortcuts"),
      withdraw: () => confirmDialog("withdraw", () => this.#withdraw()),
    };
    for (const item of $$("[data-menu-item]", menu)) {
      item.addEventListener("click", () => {
        open(false);
        button.focus();
        actions[item.dataset.menuItem]();
      }, { signal });
    }
  }

  #received(message) {
    switch (message.type) {
      case "state":
        this.#emmaState = message.state;
        this.#showState(message.state);
        break;
      case "caption":
        this.#captions.show(message);
        break;
      case "progress":
        this.#topic(message.topic, message.of, message.label);
        break;
      case "error":
        this.#notice(message.message);
        break;
      default:
        // Timings and whatever later versions send are not for the candidate.
        break;
    }
  }

  #showState(state) {
    const [text, hint] = STATES[state] ?? STATES.listening;
    document.body.dataset.state = state;
    this.#orb.state = state;
    $("[data-state-text]", this.#root).textContent = text;
    const quiet = state === "listening" && (this.#session.muted || !this.#session.hasMicrophone);
    $("[data-state-hint]", this.#root).textContent = !quiet ? hint : this.#session.muted ? "You are muted" : "Type your answer below";
  }

  #topic(topic, of, label) {
    const title = $("[data-topic]", this.#root);
    title.textContent = topic > 0 && of > 0 ? `Topic ${topic} of ${of}${label ? ":" : ""}` : "Getting started";
    $("[data-topic-label]", this.#root).textContent = label ?? "";
    const dots = Array.from({ length: Math.min(of || 0, 12) }, (_, i) => el("li", { class: i + 1 < topic ? "done" : i + 1 === topic ? "now" : "" }));
    $("[data-dots]", this.#root).replaceChildren(...dots);
  }

  #notice(text) {
    if (!text) return;
    const notice = $("[data-notice]", this.#root);
    notice.hidden = false;
    notice.textContent = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      notice.hidden = true;
      notice.textContent = "";
    }, NOTICE_MS);
  }

  #phase(phase, deadline) {
    const banner = $("[data-banner]", this.#root);
    clearInterval(this.#countdown);
    if (phase === "connecting") return;
    if (phase === "connected") {
      this.#captions.connected();
      if (!banner.hidden) this.#notice("You are connected.");
      banner.hidden = true;
      this.#showState(this.#emmaState);
      return;
    }
    const [title, text] = BANNERS[phase];
    // An alert is read aloud when its text changes, so it changes only with the phase.
    if (banner.hidden || $("[data-banner-title]", banner).textContent !== title) {
      $("[data-banner-title]", banner).textContent = title;
      $("[data-banner-text]", banner).textContent = text;
      banner.hidden = false;
    }
    this.#showState(phase === "warming" ? "connecting" : "reconnecting");
    const countdown = $("[data-countdown]", banner);
    const tick = () => {
      countdown.textContent = deadline ? `${Math.max(0, Math.ceil((deadline - Date.now()) / 1000))} s` : "";
    };
    tick();
    this.#countdown = setInterval(tick, 500);
  }

  #quality(quality) {
    $("[data-quality]", this.#root).dataset.quality = quality;
    $("[data-quality-text]", this.#root).textContent = QUALITY[quality];
  }

  #voice(stream) {
    this.#emmaMeter?.close();
    this.#emmaMeter = new LevelMeter(stream);
    $("[data-voice]", this.#root).srcObject = stream;
    this.#playVoice();
  }

  #playVoice() {
    const unlock = $("[data-unlock]", this.#root);
    $("[data-voice]", this.#root).play().then(
      () => {
        unlock.hidden = true;
      },
      (error) => {
        // A browser may refuse sound until the next click; a replaced stream is no refusal.
        if (error.name === "NotAllowedError") unlock.hidden = false;
      },
    );
  }

  #levels() {
    return { emma: this.#emmaMeter?.level() ?? 0, candidate: this.#candidateMeter?.level() ?? 0 };
  }

  #useMicrophone(stream) {
    this.#stream = stream;
    this.#candidateMeter?.close();
    this.#candidateMeter = stream ? new LevelMeter(stream) : null;
    this.#showMute();
    const track = stream?.getAudioTracks()[0];
    track?.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.#notice("Your microphone was disconnected. You can type, or turn it on again.");
      this.#turnOnMicrophone();
    });
  }

  async #turnOnMicrophone() {
    try {
      const stream = await openMicrophone();
      this.#useMicrophone(stream);
      await this.#session.useMicrophone(stream);
      this.#showMute();
      this.#notice("Your microphone is on.");
    } catch (error) {
      const why = { denied: "Your browser blocks the microphone.", missing: "No microphone was found.", busy: "Your microphone is in use elsewhere.", insecure: "This address is not secure (https), so browsers allow no microphone." };
      this.#notice(`${why[microphoneTrouble(error)]} You can go on typing.`);
    }
  }

  #toggleMute() {
    if (!this.#session.hasMicrophone) {
      this.#turnOnMicrophone();
      return;
    }
    this.#session.setMuted(!this.#session.muted);
    this.#showMute();
    if (document.body.dataset.state === "listening") this.#showState("listening");
  }

  #showMute() {
    const button = $("[data-mute]", this.#root);
    const has = this.#session.hasMicrophone;
    const muted = this.#session.muted;
    $("span", button).textContent = !has ? "Use microphone" : muted ? "Unmute" : "Mute";
    setIcon(button, has && !muted ? "mic" : "mic-off");
    button.toggleAttribute("data-on", has && muted);
  }

  #sendTyped() {
    const answer = $("[data-answer]", this.#root);
    const text = answer.value.trim();
    if (!text) return;
    this.#sendText(text);
    answer.value = "";
  }

  #sendText(text) {
    this.#session.send({ type: "text", text });
    this.#captions.sent(text);
  }

  #ask(type, notice) {
    this.#session.send({ type });
    this.#notice(notice);
  }

  #end() {
    $("[data-end]", this.#root).setAttribute("aria-disabled", "true");
    this.#notice("Ending the interview…");
    this.#session.end();
  }

  async #withdraw() {
    try {
      await withdrawConsent(this.#options.token);
    } catch {
      // The data channel is a second way to the same end.
      this.#session.send({ type: "withdraw_consent" });
      this.#notice("Withdrawing your consent…");
      return;
    }
    this.#session.leave();
    this.#over({ kind: "ended", reason: "consent_withdrawn" });
  }

  async #keepAwake() {
    if (document.visibilityState !== "visible" || this.#listeners.signal.aborted) return;
    try {
      this.#wakeLock = await navigator.wakeLock?.request("screen");
    } catch {
      // A phone low on battery refuses; the interview works all the same.
    }
  }

  #over(why) {
    if (this.#listeners.signal.aborted) return;
    this.#listeners.abort();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    clearInterval(this.#countdown);
    clearTimeout(this.#noticeTimer);
    $("[data-banner]", this.#root).hidden = true;
    $("[data-notice]", this.#root).hidden = true;
    $("[data-end]", this.#root).removeAttribute("aria-disabled");
    for (const dialog of $$("dialog[open]")) dialog.close();
    this.#showState("ended");
    const stream = this.#stream;
    this.#stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.#wakeLock?.release().catch(() => {});
    // Emma's last word rings out before the page changes.
    setTimeout(() => {
      this.#orb.stop();
      this.#emmaMeter?.close();
      this.#candidateMeter?.close();
      $("[data-voice]", this.#root).srcObject = null;
      this.#options.over(why);
    }, why.kind === "ended" ? 1_200 : 0);
  }
}
