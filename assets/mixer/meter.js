// A level meter: two bars, one for each ear, -60 to 0 dB FS, with a mark that holds the peak.

import { h, setAttribute } from "./dom.js";
import { decibels } from "./settings.js";

const FLOOR = -60;
const FALL = 24; // dB per second
const HOLD = 1.2; // s

export class Meter {
  constructor(label) {
    this.bars = ["L", "R"].map(() => h("i", {}, h("b")));
    this.root = h(
      "div",
      { class: "meter", role: "meter", "aria-label": label, "aria-valuemin": String(FLOOR), "aria-valuemax": "0" },
      ...this.bars,
    );
    this.shown = [FLOOR, FLOOR];
    this.held = [FLOOR, FLOOR];
    this.heldAt = [0, 0];
    this.#describe();
  }

  /** Show peaks (factors, one per ear) measured at `time` (s); give whether anything still moves. */
  show(peaks, time) {
    const elapsed = Math.min(0.1, Math.max(0, time - (this.time ?? time)));
    this.time = time;
    peaks.forEach((peak, ear) => {
      const value = Math.max(FLOOR, decibels(peak));
      this.shown[ear] = Math.max(value, this.shown[ear] - FALL * elapsed, FLOOR);
      if (this.shown[ear] >= this.held[ear] || time - this.heldAt[ear] > HOLD) {
        this.held[ear] = this.shown[ear];
        this.heldAt[ear] = time;
      }
      const share = (dB) => Math.min(1, 1 - dB / FLOOR).toFixed(3);
      this.bars[ear].style.setProperty("--level", share(this.shown[ear]));
      this.bars[ear].style.setProperty("--held", share(this.held[ear]));
    });
    if (time - (this.described ?? -1) > 0.5) {
      this.described = time;
      this.#describe();
    }
    return this.held.some((value) => value > FLOOR);
  }

  #describe() {
    const value = Math.min(0, Math.round(Math.max(...this.shown)));
    setAttribute(this.root, "aria-valuenow", String(value));
    setAttribute(this.root, "aria-valuetext", value <= FLOOR ? "silent" : `${value} dB FS`);
  }
}

/** Reads the present peak of a node's output: one AnalyserNode. */
export class Tap {
  constructor(context, node) {
    this.analyser = new AnalyserNode(context, { fftSize: 1024, channelCount: 1, channelCountMode: "explicit" });
    this.samples = new Float32Array(1024);
    node.connect(this.analyser);
  }

  get peak() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let peak = 0;
    for (const sample of this.samples) if (sample > peak || -sample > peak) peak = Math.abs(sample);
    return peak;
  }
}
