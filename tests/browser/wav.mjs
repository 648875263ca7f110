// The candidate's microphone: answers with silence in between, as one WAV file that Chromium plays in a loop.

import { readFileSync, writeFileSync } from "node:fs";

/** Samples and rate of a 16-bit PCM WAV; of several channels the first. */
export function readWav(path) {
  const data = readFileSync(path);
  if (data.toString("latin1", 0, 4) !== "RIFF" || data.toString("latin1", 8, 12) !== "WAVE") throw new Error(`${path} is not a WAV file`);
  let format = null;
  for (let at = 12; at + 8 <= data.length; ) {
    const id = data.toString("latin1", at, at + 4);
    const size = data.readUInt32LE(at + 4);
    const body = at + 8;
    if (id === "fmt ") format = { code: data.readUInt16LE(body), channels: data.readUInt16LE(body + 2), rate: data.readUInt32LE(body + 4), bits: data.readUInt16LE(body + 14) };
    if (id === "data") {
      if (!format || format.bits !== 16 || ![1, 0xfffe].includes(format.code)) throw new Error(`${path} is not 16-bit PCM`);
      const frames = Math.floor(Math.min(size, data.length - body) / (2 * format.channels));
      const samples = new Int16Array(frames);
      for (let i = 0; i < frames; i += 1) samples[i] = data.readInt16LE(body + 2 * format.channels * i);
      return { samples, rate: format.rate };
    }
    // Chunks are padded to an even length.
    at = body + size + (size % 2);
  }
  throw new Error(`${path} holds no audio`);
}

/**
 * Writes the answers one after the other, each followed by silence. The file ends in silence: Chromium would
 * otherwise repeat its last buffer between two rounds.
 */
export function writeMicrophone(path, files, { silenceS }) {
  const answers = files.map(readWav);
  const { rate } = answers[0];
  if (answers.some((answer) => answer.rate !== rate)) throw new Error("all answers must have the same sampling rate");
  const pause = Math.round(silenceS * rate);
  const total = answers.reduce((sum, { samples }) => sum + samples.length + pause, 0);
  const file = Buffer.alloc(44 + 2 * total);
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(36 + 2 * total, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(2 * total, 40);
  let at = 44;
  for (const { samples } of answers) {
    for (const sample of samples) at = file.writeInt16LE(sample, at);
    at += 2 * pause;
  }
  writeFileSync(path, file);
  return { seconds: total / rate, rate };
}
