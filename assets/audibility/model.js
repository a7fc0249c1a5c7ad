// How much of each stem an ear hears in a mix: cadenza_core/hearing/audibility.py, number for number (to 1e-5).
// Formulas, sources and limits are described there. No DOM in here: it runs in the worker, and in tests.

export const EARS = ["left", "right"];
export const BANDS = Array.from({ length: 25 }, (_, index) => 10 ** ((17 + index) / 10));
const MASKING_DB = -4;
/** A masker is named if without it at least so much more of the stem would be heard. */
export const WORTH_NAMING = 0.005;
export const PERCENTILES = [0.1, 0.5, 0.9];

const power = (decibels) => 10 ** (decibels / 10);

/** Spreading of power over bands (Schroeder, Atal & Hall 1979): `[excited][by]`. */
export function spreading() {
  const bark = BANDS.map((hertz) => 7 * Math.asinh(hertz / 650));
  return bark.map((to) =>
    bark.map((from) => {
      const x = to - from + 0.474;
      return power(15.81 + 7.5 * x - 17.5 * Math.sqrt(1 + x * x));
    }),
  );
}

/** An excerpt's power by stem, ear, band and window, as the server measured it. */
export class Levels {
  /**
   * @param {Float32Array} powers mean squares, full scale 1
   * @param {string[]} names of the stems
   */
  constructor(powers, names) {
    this.powers = powers;
    this.names = names;
    this.windows = powers.length / (names.length * 2 * BANDS.length);
    if (!Number.isInteger(this.windows) || !this.windows) throw new Error("The levels do not fit the stems.");
    this.sums = this.#sums();
    this.percentiles = this.#percentiles();
  }

  /** Where the windows of a stem, an ear and a band begin. */
  at(stem, ear, band) {
    return ((stem * 2 + ear) * BANDS.length + band) * this.windows;
  }

  /** Power over all bands and windows: `[stem][ear]`. */
  #sums() {
    return this.names.map((_, stem) =>
      EARS.map((_, ear) => {
        let sum = 0;
        const last = this.at(stem, ear, BANDS.length);
        for (let cell = this.at(stem, ear, 0); cell < last; cell++) sum += this.powers[cell];
        return sum;
      }),
    );
  }

  /** Levels in dB FS that 10, 50 and 90 % of the windows do not exceed: `[stem][ear][percentile][band]`. */
  #percentiles() {
    return this.names.map((_, stem) =>
      EARS.map((_, ear) => {
        const bands = BANDS.map((_, band) => {
          const first = this.at(stem, ear, band);
          const sorted = this.powers.slice(first, first + this.windows).sort();
          return PERCENTILES.map((share) => 10 * Math.log10(sorted[Math.floor(share * (this.windows - 1))]));
        });
        return PERCENTILES.map((_, index) => bands.map((levels) => levels[index]));
      }),
    );
  }
}

/** One excerpt for one listener, with or without amplification. */
export class Model {
  /**
   * @param {Levels} levels
   * @param {number[][]} threshold of each ear and band, dB SPL
   * @param {number} calibration level of 0 dB FS, dB SPL
   * @param {?number[][]} response amplification of each ear and band, dB; null: none
   */
  constructor(levels, threshold, calibration, response = null) {
    this.levels = levels;
    this.calibration = calibration;
    this.response = response ?? EARS.map(() => BANDS.map(() => 0));
    this.threshold = threshold.map((bands) => bands.map((level) => power(level - calibration)));
    this.excitation = this.#excite();
  }

  #excite() {
    const { powers, windows, names } = this.levels;
    const spread = spreading();
    const out = new Float32Array(powers.length);
    names.forEach((_, stem) =>
      EARS.forEach((_, ear) => {
        const factors = this.response[ear].map(power);
        BANDS.forEach((_, to) => {
          const target = this.levels.at(stem, ear, to);
          BANDS.forEach((_, from) => {
            const weight = spread[to][from] * factors[from];
            const source = this.levels.at(stem, ear, from);
            for (let window = 0; window < windows; window++) out[target + window] += weight * powers[source + window];
          });
        });
      }),
    );
    return out;
  }

  /**
   * What is heard with power factors `factors[stem][ear]`.
   * @returns {{shares, alone, bands, total, quiet, maskers, masked, masking}} shares and alone by stem and ear, bands by stem, ear
   *   and band (NaN where the stem is silent); total and quiet (alone) for both ears, maskers (index or null) and masked by
   *   stem; masking in dB SPL by stem, ear and band
   */
  report(factors) {
    const count = this.levels.names.length;
    const make = (value) => this.levels.names.map(() => EARS.map(value));
    const result = { shares: make(() => 0), alone: make(() => 0), bands: make(() => []), masking: make(() => []) };
    const without = this.levels.names.map(() => EARS.map(() => new Float64Array(count)));
    for (let ear = 0; ear < 2; ear++) {
      for (let band = 0; band < BANDS.length; band++) this.#band(ear, band, factors, result, without);
    }
    const total = (stem, shares) => this.#total(stem, shares);
    result.total = result.shares.map((shares, stem) => total(stem, shares));
    result.quiet = result.alone.map((shares, stem) => total(stem, shares));
    result.maskers = [];
    result.masked = [];
    for (let stem = 0; stem < count; stem++) {
      const lifts = Array.from({ length: count }, (_, other) => {
        if (other === stem) return 0;
        return total(stem, EARS.map((_, ear) => without[stem][ear][other])) - result.total[stem] || 0;
      });
      const most = lifts.indexOf(Math.max(...lifts));
      result.masked.push(Math.max(0, lifts[most]));
      result.maskers.push(lifts[most] >= WORTH_NAMING ? most : null);
    }
    return result;
  }

  /** Add one band of one ear to the sums. */
  #band(ear, band, factors, { shares, alone, bands, masking }, without) {
    const { levels, excitation } = this;
    const { windows, powers, names, sums } = levels;
    const count = names.length;
    const threshold = this.threshold[ear][band];
    const keep = power(MASKING_DB);
    const first = names.map((_, stem) => levels.at(stem, ear, band));
    const gains = names.map((_, stem) => factors[stem][ear]);
    const excited = new Float64Array(count);
    const own = new Float64Array(count);
    const heard = new Float64Array(count);
    const quiet = new Float64Array(count);
    const hiding = new Float64Array(count);
    const spared = new Float64Array(count * count);
    for (let window = 0; window < windows; window++) {
      for (let stem = 0; stem < count; stem++) excited[stem] = gains[stem] * excitation[first[stem] + window];
      for (let stem = 0; stem < count; stem++) {
        let others = 0;
        for (let other = 0; other < count; other++) if (other !== stem) others += excited[other];
        hiding[stem] += others;
        const weight = powers[first[stem] + window];
        if (weight === 0) continue;
        const level = excited[stem];
        own[stem] += weight;
        heard[stem] += weight * audible(level, keep * others + threshold);
        quiet[stem] += weight * audible(level, threshold);
        for (let other = 0; other < count; other++) {
          if (other === stem) continue;
          const hidden = keep * Math.max(0, others - excited[other]) + threshold;
          spared[stem * count + other] += weight * audible(level, hidden);
        }
      }
    }
    for (let stem = 0; stem < count; stem++) {
      const sum = sums[stem][ear];
      shares[stem][ear] += heard[stem] / sum;
      alone[stem][ear] += quiet[stem] / sum;
      bands[stem][ear].push(heard[stem] / own[stem]);
      masking[stem][ear].push(10 * Math.log10((keep * hiding[stem]) / windows + threshold) + this.calibration);
      for (let other = 0; other < count; other++) without[stem][ear][other] += spared[stem * count + other] / sum;
    }
  }

  /** One number for both ears, weighted with the stem's power in each. */
  #total(stem, shares) {
    const sums = this.levels.sums[stem];
    const both = sums[0] + sums[1];
    if (!both) return NaN;
    return EARS.reduce((sum, _, ear) => sum + (sums[ear] ? (sums[ear] / both) * shares[ear] : 0), 0);
  }

  /** Levels at the ear that 10, 50 and 90 % of the windows do not exceed, dB SPL: `[stem][ear][percentile][band]`. */
  distribution(factors) {
    return this.levels.percentiles.map((ears, stem) =>
      ears.map((percentiles, ear) => {
        const shift = 10 * Math.log10(factors[stem][ear]) + this.calibration;
        return percentiles.map((bands) => bands.map((level, band) => level + shift + this.response[ear][band]));
      }),
    );
  }
}

const audible = (level, hidden) => {
  const ratio = (level / hidden) ** 2;
  return ratio / (1 + ratio);
};
