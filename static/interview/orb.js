// Emma's presence: an orb that breathes while she listens, turns while she thinks and moves with her voice.
// Around it a ring of ticks follows the candidate's voice. Still where the candidate prefers no motion.

const TICKS = 72;
const TAU = Math.PI * 2;

export class Orb {
  #canvas;
  #paint;
  #levels;
  #state = "connecting";
  #frame = 0;
  #emma = 0;
  #candidate = 0;
  #colours = {};
  #still;
  #scheme;
  #size = 0;

  /** @param {HTMLCanvasElement} canvas @param {() => {emma: number, candidate: number}} levels loudness of both, 0 to 1 */
  constructor(canvas, levels) {
    this.#canvas = canvas;
    this.#paint = canvas.getContext("2d");
    this.#levels = levels;
    this.#still = matchMedia("(prefers-reduced-motion: reduce)");
    this.#scheme = matchMedia("(prefers-color-scheme: dark)");
  }

  start() {
    this.#readColours();
    this.#still.addEventListener("change", this.#restart);
    this.#scheme.addEventListener("change", this.#restart);
    this.#observer.observe(this.#canvas);
    this.#restart();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#still.removeEventListener("change", this.#restart);
    this.#scheme.removeEventListener("change", this.#restart);
  }

  set state(state) {
    this.#state = state;
    if (this.#still.matches) this.#draw(0);
  }

  #observer = new ResizeObserver(() => {
    const size = Math.round(this.#canvas.clientWidth * Math.min(2, devicePixelRatio || 1));
    if (size === this.#size || size === 0) return;
    this.#size = size;
    this.#canvas.width = size;
    this.#canvas.height = size;
    if (this.#still.matches) this.#draw(0);
  });

  #restart = () => {
    cancelAnimationFrame(this.#frame);
    this.#readColours();
    if (this.#still.matches) this.#draw(0);
    else this.#frame = requestAnimationFrame(this.#tick);
  };

  #tick = (now) => {
    this.#draw(now / 1000);
    this.#frame = requestAnimationFrame(this.#tick);
  };

  #readColours() {
    const style = getComputedStyle(this.#canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    this.#colours = { light: read("--orb-1"), warm: read("--orb-2"), green: read("--orb-3"), quiet: read("--line-strong") };
  }

  #draw(t) {
    const size = this.#size;
    if (!size) return;
    const still = this.#still.matches;
    const { emma, candidate } = still ? { emma: 0, candidate: 0 } : this.#levels();
    // Quick to rise, slow to fall: follows speech without flicker.
    this.#emma += (emma - this.#emma) * (emma > this.#emma ? 0.35 : 0.1);
    this.#candidate += (candidate - this.#candidate) * (candidate > this.#candidate ? 0.4 : 0.12);
    const c = this.#paint;
    c.clearRect(0, 0, size, size);
    c.save();
    c.translate(size / 2, size / 2);
    this.#drawTicks(c, size, t);
    this.#drawBody(c, size, t, still);
    c.restore();
  }

  #drawTicks(c, size, t) {
    const listening = this.#state === "listening";
    const level = listening ? this.#candidate : this.#candidate * 0.35;
    const inner = size * 0.41;
    c.lineWidth = Math.max(1.5, size * 0.0075);
    c.lineCap = "round";
    c.strokeStyle = this.#colours.green;
    for (let i = 0; i < TICKS; i += 1) {
      const angle = (i / TICKS) * TAU;
      const wave = 0.5 + 0.5 * Math.sin(i * 0.9 + t * 5) * Math.sin(i * 0.37 - t * 3.1);
      const length = size * (0.006 + 0.07 * level * wave);
      c.globalAlpha = listening ? 0.35 + 0.65 * level : 0.16;
      c.beginPath();
      c.moveTo(Math.cos(angle) * inner, Math.sin(angle) * inner);
      c.lineTo(Math.cos(angle) * (inner + length), Math.sin(angle) * (inner + length));
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  #drawBody(c, size, t, still) {
    const away = this.#state === "connecting" || this.#state === "reconnecting" || this.#state === "ended";
    const thinking = this.#state === "thinking";
    const voice = this.#state === "speaking" ? this.#emma : this.#emma * 0.5;
    const breath = still ? 0 : Math.sin(t * 1.3) * 0.012;
    const radius = size * (0.25 + breath + voice * 0.055);
    const ripple = thinking ? 0.03 : 0.014 + voice * 0.026;
    const layers = [
      { scale: 1.22, alpha: 0.16, speed: 0.55, shift: 0 },
      { scale: 1.11, alpha: 0.28, speed: -0.8, shift: 2.1 },
      { scale: 1, alpha: 1, speed: 0.4, shift: 4.2 },
    ];
    for (const layer of layers) {
      const r = radius * layer.scale;
      const gradient = c.createRadialGradient(-r * 0.35, -r * 0.45, r * 0.1, 0, 0, r * 1.15);
      if (away) {
        gradient.addColorStop(0, this.#colours.quiet);
        gradient.addColorStop(1, this.#colours.quiet);
      } else {
        gradient.addColorStop(0, this.#colours.light);
        gradient.addColorStop(1, this.#colours.warm);
      }
      c.globalAlpha = away ? layer.alpha * 0.45 : layer.alpha;
      c.fillStyle = gradient;
      this.#blob(c, r, ripple, t * layer.speed * (thinking ? 2.4 : 1) + layer.shift);
      c.fill();
    }
    c.globalAlpha = 1;
    if (thinking) this.#drawThought(c, radius, still ? 0 : t);
  }

  #blob(c, r, ripple, phase) {
    c.beginPath();
    for (let i = 0; i <= 96; i += 1) {
      const a = (i / 96) * TAU;
      const bump = Math.sin(a * 3 + phase * 1.7) * 0.32 + Math.sin(a * 2 - phase * 1.1) * 0.4 + Math.sin(a * 5 + phase * 0.6) * 0.28;
      const d = r * (1 + ripple * bump);
      if (i === 0) c.moveTo(Math.cos(a) * d, Math.sin(a) * d);
      else c.lineTo(Math.cos(a) * d, Math.sin(a) * d);
    }
    c.closePath();
  }

  #drawThought(c, radius, t) {
    c.fillStyle = "#ffffff";
    for (let i = 0; i < 3; i += 1) {
      const lift = Math.max(0, Math.sin(t * 4 - i * 0.7)) * radius * 0.12;
      c.globalAlpha = 0.92;
      c.beginPath();
      c.arc((i - 1) * radius * 0.36, -lift, radius * 0.09, 0, TAU);
      c.fill();
    }
    c.globalAlpha = 1;
  }
}
