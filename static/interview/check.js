// The sound check: choose a microphone, see that it works, hear a sound.

import { $, el } from "/static/shared/dom.js";
import { LevelMeter, audioContext, canUseMicrophone, closeStream, microphoneTrouble, microphones, openMicrophone, playTestSound } from "./audio.js";

const BARS = 28;
/** Loudness that counts as speech, and for how long it has to last in all. */
const SPEECH_LEVEL = 0.4;
const SPEECH_MS = 350;
/** After this much quiet the page suggests what to look at. */
const QUIET_MS = 7_000;

/** Where this browser keeps what a page may do. */
function stepsToAllow() {
  const agent = navigator.userAgent;
  if (/iPhone|iPad/.test(agent)) return ["Tap the icon at the left end of the address bar, then the website settings.", "Set the microphone to “Allow”."];
  if (/Android/.test(agent)) return ["Tap the icon at the left end of the address bar, then “Permissions”.", "Set the microphone to “Allow”."];
  if (/Firefox\//.test(agent)) return ["Click the crossed-out microphone, or the lock, at the left end of the address bar.", "Remove the block by the cross beside it."];
  return ["Click the icon at the left end of the address bar.", "Set the microphone to “Allow”."];
}

const HELP = {
  denied: {
    title: "Your microphone is blocked",
    text: "The browser did not let this page use the microphone. To allow it:",
    steps: [...stepsToAllow(), "Come back here and choose “Try again”, or load the page again."],
  },
  missing: {
    title: "No microphone was found",
    text: "Please plug one in, or connect your headset, and try again. You can also go on without a microphone and type your answers.",
    steps: [],
  },
  busy: {
    title: "Your microphone is in use",
    text: "Another program seems to be using it. Close other calls and meeting programs, then try again.",
    steps: [],
  },
  insecure: {
    title: "This address cannot use a microphone",
    text: "Browsers allow microphones only on secure pages (https). You can go on here by typing your answers: you will still hear and read Emma. To speak, open the interview at its https address or ask the hiring team for one.",
    steps: [],
  },
  moved: {
    title: "To speak, use the secure address",
    text: "Browsers allow microphones only on secure pages (https). This interview has such an address:",
    steps: [],
    after: "Your browser may warn that it does not know the certificate: some servers make their own. If you trust who sent you this link, choose “Advanced” or “Details” there, then continue.",
  },
};

export class SoundCheck {
  #root;
  #stream = null;
  #meter = null;
  #timer = 0;
  #spokenMs = 0;
  #quietMs = 0;
  #done;
  #trouble = null;

  /** @param {HTMLElement} root @param {(stream: MediaStream|null) => void} done called with the chosen microphone, or null for typed answers */
  constructor(root, done) {
    this.#root = root;
    this.#done = done;
    const meter = $("[data-meter]", root);
    for (let i = 0; i < BARS; i += 1) meter.append(el("i"));
    $("[data-mic-allow]", root).addEventListener("click", () => this.#open());
    $("[data-mic-again]", root).addEventListener("click", () => this.#open());
    $("[data-mic-select]", root).addEventListener("change", (event) => this.#open(event.target.value));
    $("[data-play]", root).addEventListener("click", () => this.#play());
    $("[data-start]", root).addEventListener("click", () => this.#start());
    $("[data-typed]", root).addEventListener("click", () => {
      audioContext();
      this.stop();
      done(null);
    });
  }

  /** Looks at what the browser can do. `secure` is this page's https address, where this one is not secure. */
  show(secure = null) {
    if (!canUseMicrophone()) {
      $("[data-mic-ask]", this.#root).hidden = true;
      $("[data-start]", this.#root).hidden = true;
      $("[data-typed]", this.#root).classList.replace("quiet", "primary");
      this.#help(secure ? "moved" : "insecure");
      $("[data-mic-again]", this.#root).hidden = true;
      const link = $("[data-mic-secure]", this.#root);
      link.hidden = !secure;
      if (secure) {
        link.href = secure;
        $("[data-typed]", this.#root).classList.replace("primary", "quiet");
      }
      return;
    }
    navigator.mediaDevices.addEventListener("devicechange", this.#devicesChanged);
    // Somebody who comes back has allowed it already: spare them the extra click.
    navigator.permissions?.query({ name: "microphone" }).then((permission) => {
      if (permission.state === "granted" && !this.#stream) this.#open();
    }, () => {});
  }

  /** Lets go of everything. */
  stop() {
    this.#release();
    navigator.mediaDevices?.removeEventListener("devicechange", this.#devicesChanged);
  }

  #devicesChanged = () => {
    if (this.#stream) this.#listDevices();
    else if (this.#trouble === "missing") this.#open();
  };

  async #open(deviceId) {
    this.#release();
    let stream;
    try {
      stream = await openMicrophone(deviceId);
    } catch (error) {
      this.#help(microphoneTrouble(error));
      return;
    }
    this.#release();
    this.#stream = stream;
    this.#trouble = null;
    this.#meter = new LevelMeter(stream);
    this.#spokenMs = 0;
    this.#quietMs = 0;
    stream.getAudioTracks()[0].addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.#release();
      this.#help("missing");
    });
    $("[data-mic-ask]", this.#root).hidden = true;
    $("[data-mic-help]", this.#root).hidden = true;
    $("[data-mic-on]", this.#root).hidden = false;
    this.#heard("Say a few words, please.", false);
    $("[data-start]", this.#root).removeAttribute("aria-disabled");
    await this.#listDevices();
    const tick = 60;
    this.#timer = setInterval(() => this.#measure(tick), tick);
  }

  async #listDevices() {
    const list = await microphones();
    const current = this.#stream?.getAudioTracks()[0]?.getSettings().deviceId;
    $("[data-mic-select]", this.#root).replaceChildren(
      ...list.map(({ id, label }) => el("option", { value: id, text: label, selected: id === current })),
    );
  }

  #measure(elapsed) {
    const level = this.#meter.level();
    const lit = Math.round(level * BARS);
    [...$("[data-meter]", this.#root).children].forEach((bar, i) => {
      bar.className = i < lit ? (i > BARS * 0.86 ? "loud" : "on") : "";
    });
    if (level > SPEECH_LEVEL) {
      this.#spokenMs += elapsed;
      this.#quietMs = 0;
    } else this.#quietMs += elapsed;
    if (this.#spokenMs >= SPEECH_MS) this.#heard("We hear you. You are ready.", true);
    else if (this.#quietMs >= QUIET_MS) this.#heard("We don't hear anything yet. Is the right microphone chosen, and not muted?", false);
  }

  #heard(text, yes) {
    const status = $("[data-heard]", this.#root);
    // Setting the same text again would make a screen reader repeat it.
    if (status.textContent !== text) status.textContent = text;
    status.classList.toggle("yes", yes);
  }

  #help(kind) {
    this.#trouble = kind;
    const { title, text, steps, after = "" } = HELP[kind];
    $("[data-mic-ask]", this.#root).hidden = true;
    $("[data-mic-on]", this.#root).hidden = true;
    $("[data-help-title]", this.#root).textContent = title;
    $("[data-help-text]", this.#root).textContent = text;
    $("[data-help-steps]", this.#root).replaceChildren(...steps.map((step) => el("li", { text: step })));
    $("[data-help-steps]", this.#root).hidden = steps.length === 0;
    $("[data-help-after]", this.#root).textContent = after;
    $("[data-help-after]", this.#root).hidden = !after;
    $("[data-mic-help]", this.#root).hidden = false;
    $("[data-start]", this.#root).setAttribute("aria-disabled", "true");
  }

  async #play() {
    const status = $("[data-speaker-status]", this.#root);
    status.textContent = "Playing three soft notes…";
    await playTestSound();
    status.textContent = "Did you hear three notes? If not, turn up the volume or choose other speakers.";
  }

  #start() {
    const error = $("[data-start-error]", this.#root);
    if (!this.#stream) {
      error.textContent = "Please turn on your microphone first, or continue without one.";
      error.hidden = false;
      return;
    }
    error.hidden = true;
    audioContext();
    const stream = this.#stream;
    this.#stream = null;
    this.#meter?.close();
    this.#meter = null;
    this.stop();
    this.#done(stream);
  }

  #release() {
    clearInterval(this.#timer);
    this.#meter?.close();
    this.#meter = null;
    closeStream(this.#stream);
    this.#stream = null;
  }
}
