// Fetch and decode sounds, with progress; results come in the order of the list, never in the order of arrival.

const DECODERS = 2; // at once: more would only raise the peak of memory

export class LoadError extends Error {}

/**
 * @param {BaseAudioContext} context decodes, at its sample rate
 * @param {{url: string, label: string}[]} items
 * @param {object} options
 * @param {number} options.frames expected length; what is shorter is filled with silence, what is longer is cut
 * @param {AbortSignal} options.signal
 * @param {(index: number, fraction: number) => void} options.progress 0 to 0.9 while fetching, 1 when decoded
 * @returns {Promise<PromiseSettledResult<AudioBuffer>[]>} one per item, in the items' order
 */
export async function loadSounds(context, items, { frames, signal, progress = () => {} }) {
  const slots = new Semaphore(DECODERS);
  return Promise.allSettled(
    items.map(async (item, index) => {
      const bytes = await fetchBytes(item, signal, (fraction) => progress(index, 0.9 * fraction));
      const buffer = await slots.use(() => decode(context, bytes, item));
      if (signal?.aborted) throw signal.reason;
      progress(index, 1);
      restore16(buffer);
      return fit(context, buffer, frames);
    }),
  );
}

async function fetchBytes({ url, label }, signal, progress) {
  let response;
  try {
    response = await fetch(url, { signal, credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new LoadError(`${label} could not be loaded: the server does not answer.`);
  }
  if (!response.ok) throw new LoadError(`${label} could not be loaded: the server answered ${response.status}.`);
  const total = Number(response.headers.get("Content-Length")) || 0;
  const parts = [];
  let received = 0;
  try {
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      received += value.length;
      if (total) progress(Math.min(1, received / total));
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new LoadError(`${label} could not be loaded: the connection broke.`);
  }
  return new Blob(parts).arrayBuffer();
}

async function decode(context, bytes, { label }) {
  try {
    return await context.decodeAudioData(bytes);
  } catch {
    throw new LoadError(`${label} could not be loaded: the browser cannot decode the file.`);
  }
}

/**
 * Chromium turns positive 16-bit samples into floats by 1/32767, negative ones by 1/32768. Where a sound shows that,
 * make it k/32768 throughout, as everybody else reads such files.
 */
function restore16(buffer) {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, index) => buffer.getChannelData(index));
  if (!channels.some(positivesAreOver32767)) return;
  for (const samples of channels) {
    for (let i = 0; i < samples.length; i++) if (samples[i] > 0) samples[i] = Math.round(samples[i] * 32767) / 32768;
  }
}

function positivesAreOver32767(samples) {
  let seen = 0;
  for (let i = 0; i < samples.length && seen < 4096; i++) {
    const value = samples[i] * 32767;
    if (!(value > 0)) continue;
    if (Math.abs(value - Math.round(value)) > 0.004) return false;
    if (value < 32767 / 2 && Number.isInteger(samples[i] * 32768)) return false;
    seen++;
  }
  return seen > 0;
}

/** Give all sounds one length: loops must wrap at the same sample in each. */
function fit(context, buffer, frames) {
  if (buffer.length === frames) return buffer;
  const whole = context.createBuffer(buffer.numberOfChannels, frames, buffer.sampleRate);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    whole.copyToChannel(buffer.getChannelData(channel).subarray(0, frames), channel);
  }
  return whole;
}

/** Read peaks: int8 pairs min, max per bin, 127 = full scale. */
export async function loadPeaks(url, signal) {
  const response = await fetch(url, { signal, credentials: "same-origin" });
  if (!response.ok) throw new LoadError(`The server answered ${response.status}.`);
  return new Int8Array(await response.arrayBuffer());
}

/** Compute the same peaks here, for a sound that came without. */
export function peaksOf(buffer, bins = 4096) {
  const count = Math.min(bins, buffer.length);
  const peaks = new Int8Array(2 * count);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let bin = 0; bin < count; bin++) {
      const stop = Math.floor(((bin + 1) * buffer.length) / count);
      let low = peaks[2 * bin] / 127;
      let high = peaks[2 * bin + 1] / 127;
      for (let i = Math.floor((bin * buffer.length) / count); i < stop; i++) {
        if (samples[i] < low) low = samples[i];
        if (samples[i] > high) high = samples[i];
      }
      peaks[2 * bin] = Math.max(-128, Math.floor(127 * low));
      peaks[2 * bin + 1] = Math.min(127, Math.ceil(127 * high));
    }
  }
  return peaks;
}

class Semaphore {
  #free;
  #waiting = [];

  constructor(free) {
    this.#free = free;
  }

  async use(work) {
    if (this.#free === 0) await new Promise((go) => this.#waiting.push(go));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
