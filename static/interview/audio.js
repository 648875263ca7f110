// Microphone, loudness and the test sound.

let shared = null;

/** The page's audio context, running once the candidate has clicked something. */
export function audioContext() {
  shared ??= new AudioContext();
  if (shared.state === "suspended") shared.resume().catch(() => {});
  return shared;
}

/** Whether this page may ask for a microphone at all: browsers allow it on https and localhost only. */
export const canUseMicrophone = () => Boolean(window.isSecureContext && navigator.mediaDevices?.getUserMedia);

/** This page over https, where the server knows such an address (`secureUrl`) and this one is not secure; else null. */
export function secureAddress(secureUrl, token) {
  if (window.isSecureContext || !secureUrl) return null;
  const address = new URL(`/i/${encodeURIComponent(token)}`, secureUrl);
  // A server with several addresses cannot know which of them this browser reaches. Its port speaks both.
  if (address.port === window.location.port) address.hostname = window.location.hostname;
  return address.href;
}

/** Opens a microphone with the browser's echo canceller, noise suppression and gain control. */
export function openMicrophone(deviceId) {
  return navigator.mediaDevices.getUserMedia({
    audio: {
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
      channelCount: 1,
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
  });
}

/** The microphones there are, as {id, label}. Labels are known only after permission was given. */
export async function microphones() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "audioinput")
    .map((device, i) => ({ id: device.deviceId, label: device.label || `Microphone ${i + 1}` }));
}

/** Which of the helps of the sound check fits an error of `openMicrophone`. */
export function microphoneTrouble(error) {
  if (!canUseMicrophone()) return "insecure";
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    default:
      return "busy";
  }
}

/** Lets go of a microphone, so that the browser's recording mark disappears. */
export const closeStream = (stream) => stream?.getTracks().forEach((track) => track.stop());

/** Measures how loud a stream is. */
export class LevelMeter {
  #analyser;
  #source;
  #samples;

  constructor(stream) {
    const context = audioContext();
    this.#analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.4 });
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  /** Loudness now, 0 (-60 dBFS and below) to 1 (-12 dBFS and above). */
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, (decibels + 60) / 48));
  }

  close() {
    this.#source.disconnect();
  }
}

/** Plays three soft notes; resolves when they have died away. */
export function playTestSound() {
  const context = audioContext();
  const start = context.currentTime + 0.05;
  const notes = [392, 494, 587];
  notes.forEach((frequency, i) => {
    const at = start + i * 0.28;
    const tone = new OscillatorNode(context, { type: "sine", frequency });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.16, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0005, at + 0.9);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 1);
  });
  return new Promise((resolve) => setTimeout(resolve, 1_700));
}
