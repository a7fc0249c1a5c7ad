// What a listener with a hearing loss hears, live: the approximation of cadenza_core/hearing/live.py, which explains it and
// computes all numbers. Both do the same, sample by sample, in double precision; the output comes 280 samples late.
//
// An ear is only worked on while it is wanted, and rests while its input is silent.

const LINE = 512; // samples of a band's delay line, a power of 2: the longest delay and a block fit in
const MASK = LINE - 1;
const TAIL = 0.5; // s for which an ear still sounds after its input

class Ear {
  constructor(numbers) {
    this.hop = numbers.hop;
    this.bands = numbers.delay.length;
    this.forward = new Biquads(numbers.forward);
    this.back = new Biquads(numbers.back);
    const flat = (rows) => Float64Array.from(rows.flat());
    for (const name of ["highpass", "stage", "turn", "envelope"]) this[name] = flat(numbers[name]);
    for (const name of ["weight", "exponent"]) this[name] = Float64Array.from(numbers[name]);
    this.delay = Int32Array.from(numbers.delay);
    this.reference = numbers.reference;
    this.lowest = numbers.lowest;
    this.smearing = new Smearing(numbers.smearing, numbers.smearing_delay);
    this.reset();
  }

  reset() {
    this.forward.reset();
    this.back.reset();
    this.smearing.reset();
    this.states = new Float64Array(12 * this.bands);
    this.lines = new Float64Array(LINE * this.bands);
    this.gains = new Float64Array(this.bands);
    this.at = 0;
    this.silent = Infinity; // samples since the input was not
  }

  /** Work on one block, a whole number of hops. */
  process(input, output) {
    const { length } = output;
    this.silent = input?.some((value) => value !== 0) ? 0 : this.silent + length;
    if (this.silent > TAIL * sampleRate) {
      if (this.silent < Infinity) this.reset();
      output.fill(0);
      return;
    }
    if (this.signal?.length !== length) {
      this.signal = new Float64Array(length);
      this.levels = new Float64Array((length / this.hop) * this.bands);
    }
    if (input) this.signal.set(input);
    else this.signal.fill(0);
    this.forward.run(this.signal);
    this.smearing.run(this.signal);
    for (let band = 0; band < this.bands; band++) this.analyse(band);
    this.signal.fill(0);
    for (let hop = 0; hop * this.hop < length; hop++) this.synthesise(hop);
    this.at = (this.at + length) & MASK;
    this.back.run(this.signal);
    output.set(this.signal);
  }

  /** Filter the signal into a band, put it into the band's delay line, and note its envelope after each hop. */
  analyse(band) {
    const { signal, states, lines, stage, highpass, envelope, levels, bands, hop } = this;
    // Read one by one: unpacking them would take as long as the filters.
    const five = 5 * band;
    const h0 = highpass[five];
    const h1 = highpass[five + 1];
    const h2 = highpass[five + 2];
    const g1 = highpass[five + 3];
    const g2 = highpass[five + 4];
    const b0 = stage[five];
    const b1 = stage[five + 1];
    const a1 = stage[five + 2];
    const a2 = stage[five + 3];
    const q1 = stage[five + 4];
    const e0 = envelope[five];
    const e1 = envelope[five + 1];
    const e2 = envelope[five + 2];
    const f1 = envelope[five + 3];
    const f2 = envelope[five + 4];
    const plain = this.turn[2 * band];
    const quadrature = this.turn[2 * band + 1];
    const own = 12 * band;
    let s0 = states[own];
    let s1 = states[own + 1];
    let p0 = states[own + 2];
    let p1 = states[own + 3];
    let q0 = states[own + 4];
    let q2 = states[own + 5];
    let r0 = states[own + 6];
    let r1 = states[own + 7];
    let t0 = states[own + 8];
    let t1 = states[own + 9];
    let u0 = states[own + 10];
    let u1 = states[own + 11];
    const line = LINE * band;
    let slot = this.at + this.delay[band];
    let next = hop;
    let level = band;
    for (let i = 0; i < signal.length; i++) {
      let x = signal[i];
      let w = x - g1 * s0 - g2 * s1;
      x = h0 * w + h1 * s0 + h2 * s1;
      s1 = s0;
      s0 = w;
      w = x - a1 * p0 - a2 * p1;
      x = b0 * w + b1 * p0;
      p1 = p0;
      p0 = w;
      w = x - a1 * q0 - a2 * q2;
      x = b0 * w + b1 * q0;
      q2 = q0;
      q0 = w;
      w = x - a1 * r0 - a2 * r1;
      x = b0 * w + b1 * r0;
      r1 = r0;
      r0 = w;
      w = x - a1 * t0 - a2 * t1;
      const real = b0 * w + b1 * t0;
      const imaginary = q1 * t0;
      t1 = t0;
      t0 = w;
      lines[line + (slot++ & MASK)] = plain * real + quadrature * imaginary;
      w = Math.sqrt(real * real + imaginary * imaginary) - f1 * u0 - f2 * u1;
      if (--next === 0) {
        levels[level] = e0 * w + e1 * u0 + e2 * u1;
        level += bands;
        next = hop;
      }
      u1 = u0;
      u0 = w;
    }
    states[own] = s0;
    states[own + 1] = s1;
    states[own + 2] = p0;
    states[own + 3] = p1;
    states[own + 4] = q0;
    states[own + 5] = q2;
    states[own + 6] = r0;
    states[own + 7] = r1;
    states[own + 8] = t0;
    states[own + 9] = t1;
    states[own + 10] = u0;
    states[own + 11] = u1;
  }

  /** Add the bands of one hop, each with its gain, which moves from the last hop's to this one's. */
  synthesise(hop) {
    const { signal, lines, gains, bands, levels } = this;
    const start = hop * this.hop;
    const first = hop * bands;
    for (let band = 0; band < bands; band++) {
      const share = Math.max(levels[first + band], 0) / this.reference;
      const target = Math.min(Math.max(share, this.lowest), 1) ** this.exponent[band] * this.weight[band];
      const step = (target - gains[band]) / this.hop;
      let gain = gains[band];
      const line = LINE * band;
      for (let i = start; i < start + this.hop; i++) {
        gain += step;
        signal[i] += gain * lines[line + ((this.at + i) & MASK)];
      }
      gains[band] = target;
    }
  }
}

const SIZE = 512; // of the transform: a frame and as much silence
const LINES = SIZE / 2;
const FRAME = 256;
const SHIFT = 64;

/**
 * Broader auditory filters: the power of each line of a frame's spectrum is spread over the others, by a matrix; MSBG's, after
 * Baer & Moore (1993). The frames of a block, two, are the real and the imaginary part of one transform.
 */
class Smearing {
  constructor(matrix, delay) {
    this.delay = delay;
    if (matrix) {
      const bytes = bytesOf(matrix);
      this.matrix = Float64Array.from(new Float32Array(bytes.buffer));
      this.window = Float64Array.from({ length: FRAME }, (_, i) => {
        return (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / FRAME)) / Math.sqrt(1.5);
      });
    }
    this.reset();
  }

  reset() {
    this.past = new Float64Array(this.delay + 2 * SHIFT); // and the block
    this.sum = new Float64Array(FRAME + SHIFT); // of the frames, from the first sample that is not given yet
    this.real = new Float64Array(SIZE);
    this.imaginary = new Float64Array(SIZE);
    this.power = [new Float64Array(LINES), new Float64Array(LINES)];
    this.scale = [new Float64Array(LINES), new Float64Array(LINES)];
  }

  /** Work on a block of two shifts, in place. */
  run(signal) {
    const { past, sum, real, imaginary, window } = this;
    const block = 2 * SHIFT;
    if (signal.length !== block) throw new Error(`a block of ${signal.length} samples; ${block} are worked on`);
    past.copyWithin(0, block);
    past.set(signal, this.delay);
    if (!this.matrix) {
      signal.set(past.subarray(0, block));
      return;
    }
    for (let i = 0; i < FRAME; i++) {
      real[i] = past[i] * window[i];
      imaginary[i] = past[i + SHIFT] * window[i];
    }
    real.fill(0, FRAME);
    imaginary.fill(0, FRAME);
    transform(real, imaginary);
    this.spread();
    transform(imaginary, real); // parts exchanged before and after: the inverse, but for the size
    for (let i = 0; i < FRAME; i++) {
      sum[i] += (real[i] * window[i]) / SIZE;
      sum[i + SHIFT] += (imaginary[i] * window[i]) / SIZE;
    }
    signal.set(sum.subarray(0, block));
    sum.copyWithin(0, block);
    sum.fill(0, FRAME + SHIFT - block);
  }

  /** Spread the powers of the two frames whose spectra are added up, one of them times i. */
  spread() {
    const { real, imaginary, matrix } = this;
    const [first, second] = this.power;
    const [firstScale, secondScale] = this.scale;
    for (let line = 0; line < LINES; line++) {
      const other = (SIZE - line) % SIZE;
      const a = real[line] + real[other];
      const b = imaginary[line] - imaginary[other];
      const c = imaginary[line] + imaginary[other];
      const d = real[other] - real[line];
      first[line] = (a * a + b * b) / 4;
      second[line] = (c * c + d * d) / 4;
    }
    for (let line = 0; line < LINES; line++) {
      const row = LINES * line;
      let one = 0;
      let two = 0;
      for (let other = 0; other < LINES; other++) {
        const share = matrix[row + other];
        one += share * first[other];
        two += share * second[other];
      }
      firstScale[line] = first[line] ? one / first[line] : 0;
      secondScale[line] = second[line] ? two / second[line] : 0;
    }
    for (let line = 0; line < LINES; line++) {
      const other = (SIZE - line) % SIZE;
      const a = (real[line] + real[other]) / 2;
      const b = (imaginary[line] - imaginary[other]) / 2;
      const c = (imaginary[line] + imaginary[other]) / 2;
      const d = (real[other] - real[line]) / 2;
      // The root of a scale below 0, which the matrix can give, is imaginary.
      const root = Math.sqrt(Math.abs(firstScale[line]));
      const p = root * (firstScale[line] < 0 ? -b : a);
      const q = line === 0 ? 0 : root * (firstScale[line] < 0 ? a : b); // a real signal's first line is real
      const next = Math.sqrt(Math.abs(secondScale[line]));
      const r = next * (secondScale[line] < 0 ? -d : c);
      const s = line === 0 ? 0 : next * (secondScale[line] < 0 ? c : d);
      real[line] = p - s;
      imaginary[line] = q + r;
      if (line === 0) continue;
      real[other] = p + s;
      imaginary[other] = r - q;
    }
    real[LINES] = imaginary[LINES] = 0;
  }
}

/** Decode base 64: there is no atob in an audio worklet. */
function bytesOf(text) {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const value = new Uint8Array(128);
  for (let i = 0; i < 64; i++) value[digits.charCodeAt(i)] = i;
  const plain = text.replace(/=+$/, "");
  const bytes = new Uint8Array((plain.length * 3) >> 2);
  let [bits, count, at] = [0, 0, 0];
  for (let i = 0; i < plain.length; i++) {
    bits = ((bits << 6) | value[plain.charCodeAt(i)]) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[at++] = (bits >> count) & 0xff;
  }
  return bytes;
}

const COSINES = Float64Array.from({ length: SIZE / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
const SINES = Float64Array.from({ length: SIZE / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / SIZE));
const REVERSED = Uint16Array.from({ length: SIZE }, (_, i) => {
  let reversed = 0;
  for (let bit = 1, from = i; bit < SIZE; bit *= 2, from >>= 1) reversed = 2 * reversed + (from & 1);
  return reversed;
});

/** Fourier transform in place, of SIZE complex numbers (Cooley & Tukey 1965, radix 2). */
function transform(real, imaginary) {
  for (let i = 0; i < SIZE; i++) {
    const j = REVERSED[i];
    if (j <= i) continue;
    let kept = real[i];
    real[i] = real[j];
    real[j] = kept;
    kept = imaginary[i];
    imaginary[i] = imaginary[j];
    imaginary[j] = kept;
  }
  for (let half = 1; half < SIZE; half *= 2) {
    const step = SIZE / (2 * half);
    for (let k = 0; k < half; k++) {
      const cosine = COSINES[k * step];
      const sine = SINES[k * step];
      for (let i = k; i < SIZE; i += 2 * half) {
        const j = i + half;
        const x = real[j] * cosine - imaginary[j] * sine;
        const y = real[j] * sine + imaginary[j] * cosine;
        real[j] = real[i] - x;
        imaginary[j] = imaginary[i] - y;
        real[i] += x;
        imaginary[i] += y;
      }
    }
  }
}

/** Second-order filters, one after the other; rows b0, b1, b2, a1, a2. */
class Biquads {
  constructor(rows) {
    this.rows = rows;
    this.reset();
  }

  reset() {
    this.states = this.rows.map(() => [0, 0]);
  }

  run(signal) {
    this.rows.forEach(([b0, b1, b2, a1, a2], index) => {
      let [s0, s1] = this.states[index];
      for (let i = 0; i < signal.length; i++) {
        const w = signal[i] - a1 * s0 - a2 * s1;
        signal[i] = b0 * w + b1 * s0 + b2 * s1;
        s1 = s0;
        s0 = w;
      }
      this.states[index] = [s0, s1];
    });
  }
}

class Hearing extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.ears = [new Ear(processorOptions.left), new Ear(processorOptions.right)];
    this.wanted = processorOptions.wanted; // by ear
    this.over = false;
    this.port.onmessage = ({ data }) => {
      if (data.over) this.over = true;
      else this.wanted = data.wanted;
    };
  }

  process([input], [output]) {
    output.forEach((channel, row) => {
      const ear = this.ears[row];
      if (this.wanted[row]) ear.process(input[row] ?? input[0], channel);
      else if (ear.silent < Infinity) ear.reset();
    });
    return !this.over;
  }
}

registerProcessor("cadenza-hearing", Hearing);
