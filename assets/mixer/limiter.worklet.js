// Limiter and master meter, on the audio thread.
//
// The limiter (look-ahead, both ears together, by true peak): for each sample the gain that would bring the louder ear there,
// and the wave between it and the next sample (four times oversampled), to the limit; its minimum over 87 samples; let go
// exponentially (80 ms), never held back on the way down; averaged over 65 samples. The output is the input 84 samples ago
// times that average: the gain is at its lowest for ten samples on either side of a peak, as far as the interpolation
// reaches. `cadenza_core/remix/limiter.py` does the same for exports.
//
// The limit is the lower of two: -1 dB FS if the limiter is on, and the safe level (a factor of full scale; Infinity for
// none), which holds always. With neither, the gain is exactly 1 and the samples pass bit for bit, still 84 samples late,
// so that switching neither clicks nor shifts.
//
// The meter reads the output: sample peak per ear, true peak (the same oversampling), samples at or beyond full scale
// (32767/32768, as the core counts them), and the deepest gain reduction.

const REACH = 10; // samples that the interpolation looks to either side
const OVERSAMPLING = 4;
const AVERAGE = 65;
const HELD = AVERAGE + 2 * REACH + 2;
const LOOKAHEAD = AVERAGE - 1 + 2 * REACH;
const CEILING = 10 ** (-1 / 20);
const MARGIN = 10 ** (-0.05 / 20); // the gain moves a little while the interpolation reaches over a peak
const RELEASE = 0.08;
const FULL_SCALE = 32767 / 32768;
const REPORT = 2048; // samples between two reports
const TAPS = 2 * REACH;
const PHASES = interpolation();
/** No wave through samples below this share of a level comes near it. */
const SMALL = 0.4;

/** Filters for the values at 1/4, 1/2 and 3/4 between two samples, for the samples in time: a Kaiser window (5), as SciPy. */
function interpolation() {
  const half = REACH * OVERSAMPLING;
  const bessel = (x) => {
    let [sum, term] = [1, 1];
    for (let k = 1; term > 1e-17 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
    return sum;
  };
  const all = Array.from({ length: 2 * half + 1 }, (_, index) => {
    const at = (index - half) / OVERSAMPLING;
    const wave = at === 0 ? 1 : Math.sin(Math.PI * at) / (Math.PI * at);
    return wave * bessel(5 * Math.sqrt(1 - ((index - half) / half) ** 2));
  });
  const sum = all.reduce((total, value) => total + value, 0) / OVERSAMPLING;
  return [1, 2, 3].map((phase) =>
    // the last factor belongs to the oldest sample
    Float64Array.from({ length: TAPS }, (_, tap) => all[phase + OVERSAMPLING * (TAPS - 1 - tap)] / sum),
  );
}

/** Peaks of one ear: of each sample ten ago and of the wave from there to the next. */
class Peaks {
  constructor() {
    this.samples = new Float32Array(TAPS - 1 + 128);
    this.peaks = new Float64Array(128);
  }

  /** Take a block; values well below `level` need not be exact. */
  take(block, level) {
    const { samples, peaks } = this;
    const count = block.length;
    samples.copyWithin(0, count, count + TAPS - 1);
    samples.set(block, TAPS - 1);
    let highest = 0;
    for (let i = 0; i < TAPS - 1 + count; i++) highest = Math.max(highest, Math.abs(samples[i]));
    for (let i = 0; i < count; i++) peaks[i] = Math.abs(samples[i + TAPS - 1 - REACH]);
    if (highest < SMALL * level) return peaks;
    for (const phase of PHASES) {
      for (let i = 0; i < count; i++) {
        let value = 0;
        for (let tap = 0; tap < TAPS; tap++) value += phase[tap] * samples[i + tap];
        if (value > peaks[i] || -value > peaks[i]) peaks[i] = Math.abs(value);
      }
    }
    return peaks;
  }
}

const SILENCE = new Float32Array(128);

class Limiter extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.on = processorOptions.limiter;
    this.safe = processorOptions.safe ?? Infinity;
    this.keep = Math.exp(-1 / (RELEASE * sampleRate));
    this.delay = [new Float32Array(LOOKAHEAD + 1), new Float32Array(LOOKAHEAD + 1)];
    this.inputs = [new Peaks(), new Peaks()];
    this.outputs = [new Peaks(), new Peaks()];
    this.envelopes = new Float64Array(AVERAGE).fill(1);
    this.sum = AVERAGE;
    this.envelope = 1;
    this.ones = AVERAGE; // how many of the last envelopes are exactly 1
    this.minima = { value: new Float64Array(HELD + 1), at: new Float64Array(HELD + 1), head: 0, size: 0 };
    this.frame = 0;
    this.clear();
    this.clips = 0;
    this.truePeak = 0;
    this.quiet = false;
    this.port.onmessage = ({ data }) => {
      if ("limiter" in data) this.on = data.limiter;
      if ("safe" in data) this.safe = data.safe;
      if (data.reset) this.clips = this.truePeak = 0;
      this.quiet = false;
    };
  }

  clear() {
    this.peaks = [0, 0];
    this.reduction = 1;
    this.since = 0;
  }

  process([input], [output]) {
    const left = input[0] ?? SILENCE;
    const right = input[1] ?? left;
    const [outLeft, outRight] = output;
    const [delayLeft, delayRight] = this.delay;
    const limit = Math.min(this.on ? CEILING : Infinity, this.safe);
    const peaks = this.inputs.map((ear, row) => ear.take(row ? right : left, limit));
    for (let i = 0; i < outLeft.length; i++) {
      const slot = this.frame % (LOOKAHEAD + 1);
      delayLeft[slot] = left[i];
      delayRight[slot] = right[i];
      const peak = Math.max(peaks[0][i], peaks[1][i]);
      const gain = this.gain(peak > limit ? (MARGIN * limit) / peak : 1);
      const leaving = (slot + 1) % (LOOKAHEAD + 1);
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

  gain(wanted) {
    const need = this.minimum(wanted);
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

  /** Minimum of the last 87 needs: a queue of rising values. */
  minimum(need) {
    const { value, at } = this.minima;
    const capacity = value.length;
    let { head, size } = this.minima;
    if (size && at[head] <= this.frame - HELD) {
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
    let peak = this.peaks[ear];
    for (const sample of samples) {
      const magnitude = Math.abs(sample);
      if (magnitude > peak) peak = magnitude;
      if (magnitude >= FULL_SCALE) this.clips++;
    }
    this.peaks[ear] = peak;
    for (const value of this.outputs[ear].take(samples, this.truePeak)) if (value > this.truePeak) this.truePeak = value;
  }

  report() {
    const silent = this.peaks[0] === 0 && this.peaks[1] === 0;
    if (!silent || !this.quiet) {
      const { peaks, truePeak, clips, reduction } = this;
      this.port.postMessage({ peaks, truePeak, clips, reduction });
    }
    this.quiet = silent;
    this.clear();
  }
}

registerProcessor("cadenza-limiter", Limiter);
