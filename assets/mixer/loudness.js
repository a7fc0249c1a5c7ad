// Integrated loudness (ITU-R BS.1770-4) of any remix at once, without listening to it or rendering it.
//
// The power of a mix is a quadratic form of the gains: with y = sum of g[i] x[i],
// mean(y^2) = sum of g[i] g[j] mean(x[i] x[j]).
// So each stem is K-weighted once, for each ear, with and without NAL-R, and the products mean(x[i] x[j]) are kept
// for every 100 ms. From them the loudness of every setting of the faders follows, blocks of 400 ms, gates and all, in
// well under a millisecond. Filter coefficients and block count are pyloudnorm's (the core's), so are the results.
//
// The filters run natively, in an OfflineAudioContext, five seconds at a time, so that neither sound nor page waits.

import { FIR_DELAY, earConvolver } from "./graph.js";
import { EARS } from "./settings.js";

const STEP = 0.1; // s; a gating block is four of them
const CHUNK = 50; // steps filtered at once
const WARM_UP = 0.5; // s before a chunk, for the filters' memory
const ABSOLUTE_GATE = -70;
const RELATIVE_GATE = -10;

/** The two K-weighting biquads for a sample rate, as {feedforward, feedback}. */
export function kWeighting(rate) {
  return [shelf(rate, 4.0, Math.SQRT1_2, 1500), highPass(rate, 0.5, 38)];
}

function shelf(rate, gain, quality, frequency) {
  const a = 10 ** (gain / 40);
  const w = (2 * Math.PI * frequency) / rate;
  const cos = Math.cos(w);
  const root = (Math.sqrt(a) * Math.sin(w)) / quality;
  return normalised(
    [a * (a + 1 + (a - 1) * cos + root), -2 * a * (a - 1 + (a + 1) * cos), a * (a + 1 + (a - 1) * cos - root)],
    [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root],
  );
}

function highPass(rate, quality, frequency) {
  const w = (2 * Math.PI * frequency) / rate;
  const cos = Math.cos(w);
  const alpha = Math.sin(w) / (2 * quality);
  return normalised([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]);
}

function normalised(feedforward, feedback) {
  const scale = feedback[0];
  return { feedforward: feedforward.map((b) => b / scale), feedback: feedback.map((a) => a / scale) };
}

/** Products of K-weighted sounds, for each step of 100 ms: what the loudness of any mix of them is computed from. */
export class Powers {
  constructor(sounds, frames, rate) {
    this.sounds = sounds;
    this.pairs = (sounds * (sounds + 1)) / 2;
    this.rate = rate;
    this.frames = frames;
    this.stepFrames = Math.round(STEP * rate);
    this.steps = Math.ceil(frames / this.stepFrames);
    this.ears = EARS.map(() => new Float64Array(this.steps * this.pairs));
  }

  /** Add the products of one step; `signals` are the sounds of one ear, read from `start` for `length` samples. */
  add(ear, step, signals, start, length) {
    let pair = step * this.pairs;
    for (let i = 0; i < this.sounds; i++) {
      for (let j = 0; j <= i; j++) {
        const a = signals[i];
        const b = signals[j];
        let sum = 0;
        for (let k = start; k < start + length; k++) sum += a[k] * b[k];
        this.ears[ear][pair++] += sum;
      }
    }
  }

  /** Loudness in LUFS with these factors, `factors[ear][sound]`; -Infinity for silence, NaN for less than 0.4 s. */
  loudness(factors) {
    const seconds = this.frames / this.rate;
    if (seconds < 4 * STEP) return NaN;
    const power = this.#steps(factors);
    const blocks = new Float64Array(Math.round((seconds - 4 * STEP) / STEP) + 1);
    for (let block = 0; block < blocks.length; block++) {
      for (let step = block; step < Math.min(block + 4, this.steps); step++) blocks[block] += power[step];
      blocks[block] /= 4 * STEP * this.rate;
    }
    const loud = blocks.filter((value) => lufs(value) >= ABSOLUTE_GATE);
    const gate = lufs(mean(loud)) + RELATIVE_GATE;
    return lufs(mean(loud.filter((value) => lufs(value) > gate && lufs(value) > ABSOLUTE_GATE)));
  }

  #steps(factors) {
    const power = new Float64Array(this.steps);
    this.ears.forEach((products, ear) => {
      const weights = new Float64Array(this.pairs);
      let pair = 0;
      for (let i = 0; i < this.sounds; i++) {
        for (let j = 0; j <= i; j++) weights[pair++] = (i === j ? 1 : 2) * factors[ear][i] * factors[ear][j];
      }
      for (let step = 0; step < this.steps; step++) {
        for (let k = 0; k < this.pairs; k++) power[step] += weights[k] * products[step * this.pairs + k];
      }
    });
    return power.map((value) => Math.max(value, 0));
  }
}

const lufs = (power) => (power > 0 ? -0.691 + 10 * Math.log10(power) : -Infinity);
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0);

/**
 * Analyse sounds of one length: their products without amplification, and with it if there is a `fir`.
 * @param {AudioBuffer[]} buffers
 * @param {?{left: number[], right: number[]}} fir
 * @param {() => boolean} wanted asked between chunks; false stops, and null is returned
 * @returns {Promise<?{plain: Powers, aided: ?Powers}>}
 */
export async function analyse(buffers, fir, wanted = () => true) {
  const { length, sampleRate } = buffers[0];
  const result = { plain: new Powers(buffers.length, length, sampleRate), aided: null };
  if (fir) result.aided = new Powers(buffers.length, length, sampleRate);
  for (let step = 0; step < result.plain.steps; step += CHUNK) {
    const kinds = await filterChunk(buffers, fir, step * result.plain.stepFrames, CHUNK * result.plain.stepFrames);
    if (!wanted()) return null;
    addChunk(result.plain, kinds.plain, step);
    if (fir) addChunk(result.aided, kinds.aided, step);
    await new Promise((done) => setTimeout(done)); // let the page breathe
  }
  return result;
}

/** K-weight a stretch of all sounds: `{plain|aided: {skip, signals[ear][sound]}}`, the stretch beginning at `skip`. */
async function filterChunk(buffers, fir, start, length) {
  const rate = buffers[0].sampleRate;
  const lead = Math.min(start, Math.round(WARM_UP * rate));
  const kinds = fir ? ["plain", "aided"] : ["plain"];
  const channels = buffers.length * 2 * kinds.length;
  const context = new OfflineAudioContext(channels, lead + length + FIR_DELAY, rate);
  const merger = new ChannelMergerNode(context, { numberOfInputs: channels });
  merger.connect(context.destination);
  buffers.forEach((buffer, sound) => {
    const source = new AudioBufferSourceNode(context, { buffer });
    const stereo = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    source.connect(stereo).connect(splitter);
    EARS.forEach((ear, row) => {
      const weighted = kWeighting(rate).reduce(
        (node, filter) => node.connect(new IIRFilterNode(context, filter)),
        mono(context, splitter, row),
      );
      weighted.connect(merger, 0, 2 * sound + row);
      if (fir) {
        const convolver = earConvolver(context, fir[ear]);
        weighted.connect(convolver);
        convolver.connect(merger, 0, 2 * (buffers.length + sound) + row);
      }
    });
    source.start(0, (start - lead) / rate);
  });
  const rendered = await context.startRendering();
  const signals = (first) =>
    EARS.map((_, row) => buffers.map((_, i) => rendered.getChannelData(2 * (first + i) + row)));
  return {
    plain: { skip: lead, signals: signals(0) },
    aided: fir && { skip: lead + FIR_DELAY, signals: signals(buffers.length) },
  };
}

function mono(context, splitter, row) {
  const gain = new GainNode(context, { channelCount: 1, channelCountMode: "explicit" });
  splitter.connect(gain, row);
  return gain;
}

function addChunk(powers, { skip, signals }, first) {
  const last = Math.min(first + CHUNK, powers.steps);
  for (let step = first; step < last; step++) {
    const start = step * powers.stepFrames;
    const length = Math.min(powers.stepFrames, powers.frames - start);
    EARS.forEach((_, ear) => powers.add(ear, step, signals[ear], skip + start - first * powers.stepFrames, length));
  }
}
