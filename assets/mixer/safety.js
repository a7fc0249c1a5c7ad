// What stands between the mix and the ear: the listening volume, the safe level, and no sudden rise.
//
//   mix (after the limiter and the meters) -> volume -> guard -> destination
//
// The volume is for listening only: it is no part of the mix, its scores or its exports. It starts low each time the page is
// opened. Peaks at the ear stay below the ceiling (dB SPL): the limiter is told how large a sample may be at this volume,
// and it holds that whether it is switched on otherwise or not. Where there is no limiter (no worklets), samples are
// clamped to full scale and the volume is lowered as far as the ceiling asks for.
//
// The guard takes a sudden rise away (another mode that is much louder, the very first sound) and lets it come back slowly.

import { HEAR_TAU, glide } from "./graph.js";
import { decibels, factor } from "./settings.js";

/** Where the volume starts, and its range, dB. */
export const START_DB = -12;
export const LOWEST_DB = -60;
/** A mode may be louder than the last one by that much, dB; what is more comes in slowly. */
export const RISE_DB = 6;
/** For a mode whose loudness is not known yet: amplification adds about that much, dB. */
export const UNKNOWN_RISE_DB = 15;
/**
 * Sound level above which ears without a loss should not stay for long, dB SPL: 80 dB(A) for 40 hours a week is what
 * WHO and ITU-T H.870 (2018) allow adults.
 */
export const LOUD_DB_SPL = 80;
/** For what follows silence, the first sound of the page among it. */
const FIRST_RISE_DB = 30;
const MOST_RISE_DB = 60;
const SETTLED = 0.03; // s after which the limiter has surely taken a new limit
const RECOVERY = 40; // dB per second

export class Safety {
  /** @param {BaseAudioContext} context */
  constructor(context) {
    this.context = context;
    this.limiter = null;
    this.db = START_DB;
    this.calibration = 100; // dB SPL of 0 dB FS at volume 0
    this.ceiling = 100; // dB SPL
    this.volume = context.createGain();
    this.guard = context.createGain();
    this.volume.gain.value = factor(START_DB);
    this.volume.connect(this.guard).connect(context.destination);
    this.heard = false;
  }

  /** Take the mix: from the limiter, or from the `master` gain where there is none. */
  connect(limiter, master) {
    this.limiter = limiter;
    if (limiter) limiter.connect(this.volume);
    else master.connect(new WaveShaperNode(this.context, { curve: [-1, 1] })).connect(this.volume);
    this.#apply();
  }

  /** Full scale at the ear, dB SPL, at the present volume. */
  get fullScale() {
    return this.calibration + this.db;
  }

  /** How large a sample of the mix may be; Infinity: full scale itself stays below the ceiling. */
  get limit() {
    return this.fullScale <= this.ceiling ? Infinity : factor(this.ceiling - this.fullScale);
  }

  setLevels(calibration, ceiling) {
    if (calibration === this.calibration && ceiling === this.ceiling) return;
    Object.assign(this, { calibration, ceiling });
    this.#apply();
  }

  setVolume(db) {
    if (!Number.isFinite(db)) return;
    this.db = Math.round(10 * Math.min(0, Math.max(LOWEST_DB, db))) / 10;
    this.#apply();
  }

  #apply() {
    const target = factor(this.limiter ? this.db : Math.min(this.db, this.ceiling - this.calibration));
    const now = this.context.currentTime;
    const rises = target > this.volume.gain.value;
    const tell = () => this.limiter?.port.postMessage({ safe: this.limit });
    clearTimeout(this.later);
    // First what makes it quieter: the limit before a volume that rises, the volume before a limit that does.
    if (rises) tell();
    else this.later = setTimeout(tell, 1000 * SETTLED);
    this.volume.gain.cancelScheduledValues(now);
    this.volume.gain.setTargetAtTime(target, rises ? now + SETTLED : now, 0.01);
    if (this.context.state !== "running") {
      this.volume.gain.cancelScheduledValues(0);
      this.volume.gain.setValueAtTime(target, now); // nothing is heard: be there at once
      tell();
    }
  }

  /**
   * What follows is louder than what was heard by so much, dB: let it come slowly if that is a jump.
   * @returns {number} s to wait with what follows: the guard goes down first
   */
  soften(rise) {
    if (!(rise > RISE_DB)) return 0;
    const now = this.context.currentTime;
    const pending = -decibels(this.guard.gain.value); // of a rise before that has not come in yet
    // After silence, what was pending is enough.
    const step = Math.min(MOST_RISE_DB, Number.isFinite(rise) ? pending + rise : Math.max(pending, FIRST_RISE_DB));
    glide(this.guard.gain, factor(-step), now, HEAR_TAU / 3);
    this.#rise(step, now + 6 * HEAR_TAU);
    return 4 * HEAR_TAU;
  }

  /** The first sound of the page comes in slowly. */
  begin() {
    if (this.heard) return;
    this.heard = true;
    const now = this.context.currentTime;
    this.guard.gain.cancelScheduledValues(now);
    this.#rise(FIRST_RISE_DB, now);
  }

  #rise(db, time) {
    this.guard.gain.setValueAtTime(factor(-db), time);
    this.guard.gain.exponentialRampToValueAtTime(1, time + db / RECOVERY);
  }

  /** Sound level at the ear of a mix of this loudness (LUFS), dB SPL: K-weighted, the mean of both ears. */
  levelOf(loudness) {
    return loudness + 0.691 - decibels(Math.SQRT2) + this.fullScale;
  }
}
