// The running captions of both speakers.

import { $, el } from "/static/shared/dom.js";

/** Closer to the end than this, the log follows along. */
const FOLLOW_PX = 80;
/** Final lines kept in the region that screen readers announce. */
const ANNOUNCED = 3;
/** How long after a connection captions are taken for repeated ones. */
const REPLAY_MS = 1_500;

export class Captions {
  #log;
  #announcer;
  #jump;
  #lines = new Map();
  #announced = new Set();
  #pending = [];
  #following = true;
  #quietUntil = 0;
  announce = true;

  /** @param {HTMLElement} root the captions panel */
  constructor(root) {
    this.#log = $("[data-captions]", root);
    this.#announcer = $("[data-announcer]", root);
    this.#jump = $("[data-jump]", root);
    this.#log.addEventListener("scroll", () => {
      this.#following = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < FOLLOW_PX;
      if (this.#following) this.#jump.hidden = true;
    });
    this.#jump.addEventListener("click", () => this.#toEnd());
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(this.#log);
  }

  /** Adds a line, or replaces the one with the same id. */
  show({ id, speaker, text, final = false, interrupted = false }) {
    if (!id || typeof text !== "string") return;
    if (speaker === "candidate") this.#settle(text);
    let line = this.#lines.get(id);
    if (!text.trim()) {
      line?.remove();
      this.#lines.delete(id);
      return;
    }
    if (!line) {
      line = this.#line(speaker);
      this.#lines.set(id, line);
      this.#log.append(line);
    }
    $(".said", line).textContent = text;
    line.classList.toggle("partial", !final);
    this.#mark(line, interrupted);
    if (speaker === "emma" && final && !this.#announced.has(id)) {
      this.#announced.add(id);
      if (this.announce && Date.now() > this.#quietUntil) this.#speak(text);
    }
    this.#follow();
  }

  /** A new connection brings what was said before once more; that is shown, not announced. */
  connected() {
    this.#quietUntil = Date.now() + REPLAY_MS;
  }

  #speak(text) {
    this.#announcer.append(el("p", { text: `Emma: ${text}` }));
    while (this.#announcer.childElementCount > ANNOUNCED) this.#announcer.firstElementChild.remove();
  }

  /** Shows a typed answer until Emma's side has confirmed it. */
  sent(text) {
    const line = this.#line("candidate");
    line.classList.add("partial");
    $(".said", line).textContent = text;
    this.#pending.push({ text, line });
    this.#log.append(line);
    this.#toEnd();
  }

  /** Starts afresh. */
  clear() {
    this.#log.replaceChildren();
    this.#announcer.replaceChildren();
  }

  #line(speaker) {
    const who = speaker === "emma" ? "Emma" : "You";
    return el("div", { class: `line ${speaker === "emma" ? "emma" : "candidate"}` }, el("span", { class: "who", text: who }), el("p", { class: "said" }));
  }

  #mark(line, interrupted) {
    const mark = $(".cut", line);
    if (interrupted && !mark) line.append(el("span", { class: "cut", text: "interrupted" }));
    else if (!interrupted) mark?.remove();
  }

  #settle(text) {
    const at = this.#pending.findIndex((entry) => entry.text.trim() === text.trim());
    if (at >= 0) this.#pending.splice(at, 1)[0].line.remove();
  }

  #follow() {
    if (this.#following) this.#toEnd();
    else this.#jump.hidden = false;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#following = true;
    this.#jump.hidden = true;
  }
}
