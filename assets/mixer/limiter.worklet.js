// Limiter and master meter, on the audio thread.
//
// The limiter (look-ahead, both ears together): for each sample the gain that would bring the louder ear to the ceiling,
// need = min(1, ceiling / max(|L|, |R|)); its minimum over the last 65 samples; let go exponentially (80 ms), never held
// back on the way down; averaged over 65 samples. The output is the input 64 samples ago times that average. Every value
// in the average is at most the need of the sample that leaves, so no sample exceeds the ceiling (-1 dB FS); the peaks
// between samples may, by a few tenths of a dB. Off: need is 1, the gain is exactly 1, and the samples pass bit for bit,
// still 64 samples late, so that switching neither clicks nor shifts.
//
// The meter reads the output: sample peak per ear, true peak (ITU-R BS.1770-5 Annex 2, four times oversampled, 12 taps a
// phase), samples at or beyond full scale (32767/32768, as the core counts them), and the deepest gain reduction.

const LOOKAHEAD = 64;
const WINDOW = LOOKAHEAD + 1;
const CEILING = 10 ** (-1 / 20);
const RELEASE = 0.08;
const FULL_SCALE = 32767 / 32768;
const REPORT = 2048; // samples between two reports
const PHASES = [
  [
    0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625, 0.97216796875,
    -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125,
  ],
  [
    -0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625, 0.77978515625,
    -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375,
  ],
];
PHASES.push([...PHASES[1]].reverse(), [...PHASES[0]].reverse());
const TAPS = 12;

class Limiter extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.on = processorOptions.limiter;
    this.keep = Math.exp(-1 / (RELEASE * sampleRate));
    this.delay = [new Float32Array(WINDOW), new Float32Array(WINDOW)];
    this.history = [new Float32Array(TAPS), new Float32Array(TAPS)];
    this.envelopes = new Float64Array(WINDOW).fill(1);
    this.sum = WINDOW;
    this.envelope = 1;
    this.ones = WINDOW; // how many of the last envelopes are exactly 1
    this.minima = { value: new Float64Array(WINDOW + 1), at: new Float64Array(WINDOW + 1), head: 0, size: 0 };
    this.frame = 0;
    this.clear();
    this.clips = 0;
    this.truePeak = 0;
    this.quiet = false;
    this.port.onmessage = ({ data }) => {
      if ("limiter" in data) this.on = data.limiter;
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
    const left = input[0];
    const right = input[1] ?? input[0];
    const [outLeft, outRight] = output;
    const [delayLeft, delayRight] = this.delay;
    for (let i = 0; i < outLeft.length; i++) {
      const l = left ? left[i] : 0;
      const r = right ? right[i] : 0;
      const slot = this.frame % WINDOW;
      delayLeft[slot] = l;
      delayRight[slot] = r;
      const gain = this.gain(Math.max(Math.abs(l), Math.abs(r)), slot);
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

  gain(peak, slot) {
    const need = this.minimum(this.on && peak > CEILING ? CEILING / peak : 1);
    this.envelope = need < this.envelope ? need : need + (this.envelope - need) * this.keep;
    if (1 - this.envelope < 1e-6) this.envelope = 1;
    this.sum += this.envelope - this.envelopes[slot];
    this.envelopes[slot] = this.envelope;
    this.ones = this.envelope === 1 ? this.ones + 1 : 0;
    if (this.ones < WINDOW) return Math.min(1, this.sum / WINDOW);
    this.sum = WINDOW; // exactly, whatever was rounded on the way
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
    const history = this.history[ear]; // the last 12 samples, oldest first
    let peak = this.peaks[ear];
    let truePeak = this.truePeak;
    for (let i = 0; i < samples.length; i++) {
      const magnitude = Math.abs(samples[i]);
      if (magnitude > peak) peak = magnitude;
      if (magnitude >= FULL_SCALE) this.clips++;
      if (magnitude > truePeak) truePeak = magnitude;
      history.copyWithin(0, 1, TAPS);
      history[TAPS - 1] = samples[i];
      // The value comes out between the sixth and the seventh sample; a new peak there has a large sample beside it.
      if (Math.max(Math.abs(history[5]), Math.abs(history[6])) < 0.4 * truePeak) continue;
      for (const phase of PHASES) {
        let value = 0;
        for (let tap = 0; tap < TAPS; tap++) value += phase[tap] * history[TAPS - 1 - tap];
        if (value > truePeak || -value > truePeak) truePeak = Math.abs(value);
      }
    }
    this.peaks[ear] = peak;
    this.truePeak = truePeak;
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
