// A gain: slider and number side by side. Drag or type; double-click resets to 0 dB.

import { h, level, parseGain, setAttribute } from "./dom.js";
import { MAX_DB, MIN_DB, dbToFader, faderToDb } from "./settings.js";

const STEPS = { ArrowUp: 0.5, ArrowRight: 0.5, ArrowDown: -0.5, ArrowLeft: -0.5, PageUp: 3, PageDown: -3 };

export class Fader {
  /**
   * @param {string} label what it is the gain of
   * @param {(dB: ?number) => void} changed
   * @param {string} tag short visible name ("L", "R", "" for both)
   */
  constructor(label, changed, tag = "") {
    this.changed = changed;
    this.value = 0;
    this.tag = h("span", { class: "ear", "aria-hidden": "true" }, tag);
    this.slider = h("input", {
      type: "range",
      min: "-100",
      max: "100",
      step: "0.1",
      "aria-label": `Gain of ${label}`,
      title: "Drag; double-click resets to 0 dB",
      oninput: () => this.#set(faderToDb(Number(this.slider.value))),
      ondblclick: () => this.#set(0),
      onkeydown: (event) => this.#key(event),
    });
    this.number = h("input", {
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      spellcheck: "false",
      class: "number",
      "aria-label": `Gain of ${label} in decibels`,
      onchange: () => this.#typed(),
      ondblclick: () => this.#set(0),
      onkeydown: (event) => this.#numberKey(event),
      onfocus: () => this.number.select(),
    });
    this.root = h("div", { class: "fader" }, this.tag, this.slider, this.number, h("span", { class: "unit" }, "dB"));
    this.show(0);
  }

  name(label, tag) {
    this.tag.textContent = tag;
    this.slider.setAttribute("aria-label", `Gain of ${label}`);
    this.number.setAttribute("aria-label", `Gain of ${label} in decibels`);
  }

  show(value) {
    this.value = value;
    const position = dbToFader(value);
    if (faderToDb(Number(this.slider.value)) !== value) this.slider.value = String(position);
    this.slider.style.setProperty("--at", `${(position + 100) / 2}%`);
    const text = level(value, { sign: true });
    setAttribute(this.slider, "aria-valuetext", value === null ? "silent" : `${text} dB`);
    if (!this.#editing) this.number.value = text;
  }

  get #editing() {
    return this.number.matches(":focus") && this.number.dataset.typed === "yes";
  }

  #set(value) {
    this.number.dataset.typed = "";
    this.changed(value === null ? null : Math.min(MAX_DB, Math.max(MIN_DB, Math.round(value * 100) / 100)));
  }

  #typed() {
    const value = parseGain(this.number.value);
    this.#set(value === undefined ? this.value : value);
    this.show(this.value);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step !== undefined) this.#set((this.value ?? MIN_DB) + (event.shiftKey ? Math.sign(step) * 0.1 : step));
    else if (event.key === "Home" || event.key === "Delete" || event.key === "Backspace") this.#set(0);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #numberKey(event) {
    event.stopPropagation(); // what is typed here is no command
    if (event.key === "Enter") this.#typed();
    else if (event.key === "Escape") {
      this.number.dataset.typed = "";
      this.show(this.value);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      this.#set((this.value ?? MIN_DB) + (event.key === "ArrowUp" ? 0.5 : -0.5));
      this.show(this.value);
    } else this.number.dataset.typed = "yes";
  }
}
