// Limiter and master meter, on the audio thread. The core's limiter (cadenza_core/remix/limiter.py) is the same, sample for
// sample, and says why.
//
// The limiter (look-ahead, both ears together) holds the true peak. For each sample and the three values that four times
// oversampling puts between it and the next, the gain that brings the louder ear to the ceiling; its minimum over the last
// 65 samples; let go exponentially (80 ms), never held back on the way down; averaged over 45 samples. The output is the
// input 64 samples ago times that average. Below the ceiling the gain is exactly 1, and the samples pass bit for bit, still
// 64 samples late, so that a change of the ceiling neither clicks nor shifts.
//
// The meter reads the output: sample peak and power per ear, true peak (ITU-R BS.1770-5 Annex 2), samples at or beyond full
// scale (32767/32768, as the core counts them), and the deepest gain reduction.

const LOOKAHEAD = 64;
const WINDOW = LOOKAHEAD + 1;
const REACH = 10; // samples to each side that a value between the samples is computed from
const AVERAGE = LOOKAHEAD - 2 * REACH + 1;
const TAPS = 2 * REACH;
const MARGIN = 10 ** (-0.01 / 20); // what is above the ceiling is brought this much below it: the gain moves
const RELEASE = 0.08;
const FULL_SCALE = 32767 / 32768;
const REPORT = 2048; // samples between two reports

/** The three filters for the values between two samples: a Kaiser-windowed sinc, as SciPy resamples by four. */
function phases() {
  const half = 4 * REACH;
  const bessel = (x) => {
    let sum = 1;
    for (let k = 1, term = 1; k < 40; k++) sum += term *= (x / (2 * k)) ** 2;
    return sum;
  };
  const taps = Array.from({ length: 2 * half + 1 }, (_, i) => {
    const t = (i - half) / 4;
    const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
    return sinc * bessel(5 * Math.sqrt(1 - ((i - half) / half) ** 2));
  });
  const scale = 4 / taps.reduce((sum, tap) => sum + tap, 0);
  return [1, 2, 3].map((phase) =>
    Float64Array.from({ length: TAPS }, (_, i) => scale * taps[half + phase - 4 * (i - REACH + 1)]),
  );
}

const PHASES = phases();
/** No value between samples is larger than the samples times this. */
const EXCESS = Math.max(...PHASES.map((phase) => phase.reduce((sum, tap) => sum + Math.abs(tap), 0)));

/** The last 20 samples of an ear, and the largest value from the tenth last on to the one after it. */
class Between {
  constructor() {
    this.samples = new Float64Array(2 * TAPS); // written twice, so that they always lie in one piece
    this.at = 0;
  }

  push(sample) {
    this.samples[this.at] = this.samples[this.at + TAPS] = sample;
    this.at = (this.at + 1) % TAPS;
  }

  get middle() {
    return Math.abs(this.samples[this.at + REACH - 1]);
  }

  /** The larger of the two samples that the values lie between. */
  get beside() {
    return Math.max(this.middle, Math.abs(this.samples[this.at + REACH]));
  }

  peak() {
    const { samples, at } = this;
    let peak = this.middle;
    for (const phase of PHASES) {
      let value = 0;
      for (let tap = 0; tap < TAPS; tap++) value += phase[tap] * samples[at + tap];
      if (value > peak) peak = value;
      else if (-value > peak) peak = -value;
    }
    return peak;
  }
}

class Limiter extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.ceiling = processorOptions.ceiling;
    this.keep = Math.exp(-1 / (RELEASE * sampleRate));
    this.delay = [new Float32Array(WINDOW), new Float32Array(WINDOW)];
    this.coming = [new Between(), new Between()];
    this.leaving = [new Between(), new Between()];
    this.envelopes = new Float64Array(AVERAGE).fill(1);
    this.sum = AVERAGE;
    this.envelope = 1;
    this.ones = AVERAGE; // how many of the last envelopes are exactly 1
    this.minima = { value: new Float64Array(WINDOW + 1), at: new Float64Array(WINDOW + 1), head: 0, size: 0 };
    this.frame = 0;
    this.loudest = 0; // of the last block's input
    this.clear();
    this.clips = 0;
    this.truePeak = 0;
    this.quiet = false;
    this.port.onmessage = ({ data }) => {
      if ("ceiling" in data) this.ceiling = data.ceiling;
      if (data.reset) this.clips = this.truePeak = 0;
      this.quiet = false;
    };
  }

  clear() {
    this.peaks = [0, 0];
    this.powers = [0, 0];
    this.reduction = 1;
    this.since = 0;
  }

  process([input], [output]) {
    const left = input[0];
    const right = input[1] ?? input[0];
    const [outLeft, outRight] = output;
    const [delayLeft, delayRight] = this.delay;
    const [comingLeft, comingRight] = this.coming;
    const loudest = left ? Math.max(highest(left), highest(right)) : 0;
    const harmless = EXCESS * Math.max(loudest, this.loudest) <= this.ceiling;
    this.loudest = loudest;
    for (let i = 0; i < outLeft.length; i++) {
      const l = left ? left[i] : 0;
      const r = right ? right[i] : 0;
      const slot = this.frame % WINDOW;
      delayLeft[slot] = l;
      delayRight[slot] = r;
      comingLeft.push(l);
      comingRight.push(r);
      const gain = this.gain(harmless ? 0 : Math.max(comingLeft.peak(), comingRight.peak()));
      const leaving = (slot + 1) % WINDOW; // 64 samples ago
      outLeft[i] = delayLeft[leaving] * gain;
      outRight[i] = delayRight[leaving] * gain;
      if (gain < this.reduction) this.reduction = gain;
      this.frame++;
    }
    this.measure(outLeft, 0);
    this.measure(outRight, 1);
    this.since += outLeft.length;
    if (this.since >= REPORT) this.report();
    return true;
  }

  gain(peak) {
    const need = this.minimum(peak > this.ceiling ? (MARGIN * this.ceiling) / peak : 1);
    this.envelope = need < this.envelope ? need : need + (this.envelope - need) * this.keep;
    if (1 - this.envelope < 1e-6) this.envelope = 1;
    const slot = this.frame % AVERAGE;
    this.sum += this.envelope - this.envelopes[slot];
    this.envelopes[slot] = this.envelope;
    this.ones = this.envelope === 1 ? this.ones + 1 : 0;
    if (this.ones < AVERAGE) return Math.min(1, this.sum / AVERAGE);
    this.sum = AVERAGE; // exactly, whatever was rounded on the way
    return 1;
  }

  /** Minimum of the last 65 needs: a queue of rising values. */
  minimum(need) {
    const { value, at } = this.minima;
    const capacity = value.length;
    let { head, size } = this.minima;
    if (size && at[head] <= this.frame - WINDOW) {
      head = (head + 1) % capacity;
      size--;
    }
    while (size && value[(head + size - 1) % capacity] >= need) size--;
    value[(head + size) % capacity] = need;
    at[(head + size) % capacity] = this.frame;
    this.minima.head = head;
    this.minima.size = size + 1;
    return value[head];
  }

  measure(samples, ear) {
    const between = this.leaving[ear];
    let peak = this.peaks[ear];
    let power = this.powers[ear];
    let truePeak = this.truePeak;
    for (let i = 0; i < samples.length; i++) {
      const magnitude = Math.abs(samples[i]);
      power += magnitude * magnitude;
      if (magnitude > peak) peak = magnitude;
      if (magnitude >= FULL_SCALE) this.clips++;
      if (magnitude > truePeak) truePeak = magnitude;
      between.push(samples[i]);
      // A new peak between two samples has a large sample beside it.
      if (between.beside >= 0.4 * truePeak && truePeak > 0) truePeak = Math.max(truePeak, between.peak());
    }
    this.peaks[ear] = peak;
    this.powers[ear] = power;
    this.truePeak = truePeak;
  }

  report() {
    const silent = this.peaks[0] === 0 && this.peaks[1] === 0;
    if (!silent || !this.quiet) {
      const { peaks, truePeak, clips, reduction } = this;
      const powers = this.powers.map((power) => power / this.since);
      this.port.postMessage({ peaks, powers, truePeak, clips, reduction });
    }
    this.quiet = silent;
    this.clear();
  }
}

function highest(samples) {
  let highest = 0;
  for (let i = 0; i < samples.length; i++) {
    if (samples[i] > highest) highest = samples[i];
    else if (-samples[i] > highest) highest = -samples[i];
  }
  return highest;
}

registerProcessor("cadenza-limiter", Limiter);
