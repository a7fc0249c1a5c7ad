// The listening volume as it is seen: a slider, what that makes at the ear, and a warning where that is much. Mixer and
// player have one each; what they do with it is safety.js.

import { h, level, setText } from "./dom.js";
import { LOUD_DB_SPL, LOWEST_DB, START_DB } from "./safety.js";

export class Volume {
  /** @param {{safety: ?Safety, setVolume: (db: number) => void}} engine */
  constructor(engine) {
    this.engine = engine;
    this.slider = h("input", {
      type: "range",
      min: String(LOWEST_DB),
      max: "0",
      step: "1",
      value: String(START_DB),
      "aria-label": "Listening volume",
      title: "For listening only: no part of the mix, its scores or its exports. It starts low (< and > change it)",
      oninput: () => this.engine.setVolume(Number(this.slider.value)),
    });
    this.text = h("output", { class: "value" }, "");
    this.atEar = h("output", { class: "spl", title: "Average sound level at the ear of this mix at this volume" }, "");
    this.root = h("span", { class: "group volume" }, h("span", {}, "Volume"), this.slider, this.text, this.atEar);
    this.warning = h("p", { class: "warning", role: "status", hidden: true });
  }

  /**
   * @param {number} atEar average level at the ear, dB SPL; NaN while unknown
   * @param {boolean} aided whether what is heard is amplified for the listener
   * @param {boolean} held whether the ceiling holds peaks down now
   */
  show(atEar, aided, held) {
    const { safety } = this.engine;
    if (!safety) return;
    if (Number(this.slider.value) !== Math.round(safety.db)) this.slider.value = String(Math.round(safety.db));
    setText(this.text, `${level(safety.db)} dB`);
    const known = Number.isFinite(atEar);
    const most = Math.min(safety.ceiling, safety.fullScale); // limiter, ceiling or sound card hold what would be more
    const shown = Math.min(atEar, most);
    setText(this.atEar, known ? `${atEar > most ? "<" : "≈"} ${Math.round(shown)} dB SPL` : "");
    const texts = [];
    if (known && shown > LOUD_DB_SPL) {
      const what = aided ? "This is amplified for the listener, and loud" : "This is loud";
      texts.push(`${what} for ears without a loss: turn the volume down before you listen for long.`);
    }
    if (held) texts.push(`Peaks are held below ${level(safety.ceiling)} dB SPL at the ear, the ceiling you set.`);
    setText(this.warning, texts.join(" "));
    this.warning.hidden = !texts.length;
  }
}
