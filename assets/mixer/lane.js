// One stem: name, mute, solo, waveform, gains, meter.

import { h, icon, setAttribute, setText } from "./dom.js";
import { Fader } from "./fader.js";
import { loadPeaks, peaksOf } from "./loader.js";
import { Meter, Tap } from "./meter.js";
import { EARS, audible } from "./settings.js";

const CHAIN =
  "M10.6 13.4a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M13.4 10.6a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2";

export class Lane {
  /** @param {object} lane as in the contract; @param {number} index from 0 */
  constructor(engine, lane, index) {
    const { name, label } = lane;
    this.engine = engine;
    this.lane = lane;
    this.peaks = null;
    this.stripe = h("span", { class: "stripe", "aria-hidden": "true" });
    this.mute = this.#toggle("M", `Mute ${label}`, "mute", (on) => engine.setMute(name, on));
    this.solo = this.#toggle("S", `Solo ${label}`, "solo", (on) => engine.setSolo(name, on));
    this.head = h(
      "div",
      { class: "head" },
      this.stripe,
      h("span", { class: "name" }, h("kbd", { "aria-hidden": "true" }, String(index + 1)), label),
      h("span", { class: "buttons" }, this.mute, this.solo),
    );
    this.canvas = h("canvas", { role: "img", "aria-label": `Waveform of ${label}` });
    this.note = h("span", { class: "note" });
    this.bar = h("span", { class: "bar" });
    this.wave = h("div", { class: "wave" }, this.canvas, this.bar, this.note);
    this.faders = EARS.map((ear, row) => new Fader(label, (dB) => engine.setGain(name, ear, dB), "LR"[row]));
    this.link = h(
      "button",
      { type: "button", class: "link", onclick: () => engine.setLinked(name, !this.#settings.linked) },
      icon(CHAIN),
    );
    this.gains = h(
      "div",
      { class: "gains" },
      h("div", { class: "faders" }, ...this.faders.map(({ root }) => root)),
      this.link,
    );
    this.meter = new Meter(`Level of ${label}`);
    this.root = h(
      "div",
      { class: "lane", role: "group", "aria-label": label, "data-lane": name },
      this.head,
      this.wave,
      this.gains,
      this.meter.root,
    );
    this.root.style.setProperty("--row", String(index + 2));
    this.root.style.setProperty(
      "--lane",
      `var(--${["vocals", "drums", "bass", "other"].includes(name) ? name : "extra"})`,
    );
    this.#loadPeaks();
  }

  get #settings() {
    return this.engine.settings.gains[this.lane.name];
  }

  #toggle(text, label, kind, set) {
    const button = h(
      "button",
      {
        type: "button",
        class: `toggle ${kind}`,
        "aria-label": label,
        "aria-pressed": "false",
        title: label,
        onclick: () => set(button.getAttribute("aria-pressed") !== "true"),
      },
      text,
    );
    return button;
  }

  async #loadPeaks() {
    if (!this.lane.peaks_url) return;
    try {
      this.peaks = await loadPeaks(this.lane.peaks_url);
    } catch {
      return; // drawn from the sound, once it has come
    }
    this.onpeaks?.();
  }

  /** Show settings and the state of loading. */
  update() {
    const { engine, lane } = this;
    const settings = this.#settings;
    const sounds = audible(engine.settings, lane.name);
    setAttribute(this.mute, "aria-pressed", String(settings.mute));
    setAttribute(this.solo, "aria-pressed", String(settings.solo));
    this.root.classList.toggle("silent", !sounds);
    this.gains.classList.toggle("linked", settings.linked);
    this.faders[0].name(settings.linked ? lane.label : `${lane.label}, left ear`, settings.linked ? "" : "L");
    this.faders[1].name(`${lane.label}, right ear`, "R");
    EARS.forEach((ear, row) => this.faders[row].show(settings[ear]));
    setAttribute(this.link, "aria-pressed", String(settings.linked));
    const tip = settings.linked
      ? "Left and right together; press to set them apart"
      : "Left and right apart; press to link";
    setAttribute(this.link, "title", tip);
    setAttribute(this.link, "aria-label", `Link left and right of ${lane.label}`);
    const sound = engine.soundOf(lane.url);
    this.#showLoading(sound, settings, sounds);
    if (!this.peaks && sound.state === "ready") {
      this.peaks = peaksOf(sound.buffer);
      this.onpeaks?.();
    }
  }

  #showLoading(sound, settings, sounds) {
    this.wave.classList.toggle("failed", sound.state === "failed");
    this.wave.classList.toggle("loading", sound.state === "loading" || sound.state === "waiting");
    this.bar.style.setProperty("--done", String(sound.fraction ?? 0));
    const why = settings.mute ? "muted" : "not solo";
    const texts = {
      failed: sound.message,
      loading: `loading ${Math.round(100 * (sound.fraction ?? 0))} %`,
      waiting: "waiting",
    };
    setText(this.note, texts[sound.state] ?? (sounds ? "" : why));
  }

  /** Connect the meter to the graph's track of this lane. */
  connect(graph) {
    const track = graph?.tracks.find((each) => each.bus === this.engine.laneBus && each.name === this.lane.name);
    if (track === this.track) return;
    this.track = track;
    this.taps = track && EARS.map((ear) => new Tap(graph.context, track.ears[ear]));
  }

  showLevel(time) {
    const peaks = this.taps && this.engine.playing ? this.taps.map((tap) => tap.peak) : [0, 0];
    return this.meter.show(peaks, time);
  }

  /** Draw the part of the waveform from `first` to `last` (0 to 1) so that `scale` fills the height. */
  draw(first, last, scale) {
    const ratio = devicePixelRatio || 1;
    const width = Math.round(this.wave.clientWidth * ratio);
    const height = Math.round(this.wave.clientHeight * ratio);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(this.root).getPropertyValue("--wave-colour") || "#888";
    const middle = height / 2;
    pen.fillRect(0, Math.round(middle) - 0.5, width, 1);
    if (!this.peaks) return;
    const bins = this.peaks.length / 2;
    const unit = (0.94 * middle * scale) / 127;
    for (let x = 0; x < width; x++) {
      const start = Math.floor((first + ((last - first) * x) / width) * bins);
      const stop = Math.max(start + 1, Math.ceil((first + ((last - first) * (x + 1)) / width) * bins));
      let low = 0;
      let high = 0;
      for (let bin = start; bin < Math.min(stop, bins); bin++) {
        if (this.peaks[2 * bin] < low) low = this.peaks[2 * bin];
        if (this.peaks[2 * bin + 1] > high) high = this.peaks[2 * bin + 1];
      }
      const top = middle - high * unit;
      pen.fillRect(x, top, 1, Math.max(1, middle - low * unit - top));
    }
  }

  /** Largest peak, 0 to 1. */
  get loudest() {
    return this.peaks ? this.peaks.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127 : 0;
  }
}
