// What a listener answers with: sliders from 0 to 100, steps from 1 to 5, one of two. Nothing is set at first; what was not
// touched is no answer.

import { h } from "../mixer/dom.js";

let count = 0;
const fresh = () => `answer-${++count}`;

/** A slider: `value` is null until it is moved. */
export class Slider {
  /**
   * @param {object} scale as the server gives it
   * @param {string} label
   * @param {() => void} changed
   */
  constructor(scale, label, changed) {
    this.value = null;
    this.name = scale.name;
    this.label = label;
    const help = fresh();
    this.input = h("input", {
      type: "range",
      min: scale.low,
      max: scale.high,
      step: 1,
      value: (scale.low + scale.high) / 2,
      class: "unset",
      "aria-label": label,
      "aria-describedby": help,
      "aria-valuetext": "not set yet",
      oninput: () => this.#set(changed),
      onpointerup: () => this.#set(changed), // also where the thumb would have been
    });
    const words = scale.words.map((word) => h("span", {}, word));
    this.number = h("output", { "aria-hidden": "true" }, "–");
    this.root = h(
      "div",
      { class: "slider" },
      h("div", { class: "track" }, this.input, h("div", { class: `words of-${words.length}`, id: help }, ...words)),
      this.number,
    );
  }

  #set(changed) {
    this.value = Number(this.input.value);
    this.input.classList.remove("unset");
    this.input.setAttribute("aria-valuetext", String(this.value));
    this.number.textContent = String(this.value);
    changed();
  }

  get isSet() {
    return this.value !== null;
  }

  focus() {
    this.input.focus();
  }
}

/** Steps, or one of a few: radio buttons. */
export class Choice {
  /** @param {{value: number, label: string}[]} options */
  constructor(name, label, options, changed) {
    this.value = null;
    this.name = name;
    this.label = label;
    const group = fresh();
    this.inputs = options.map(({ value }) =>
      h("input", {
        type: "radio",
        name: group,
        value,
        onchange: () => {
          this.value = value;
          changed();
        },
      }),
    );
    this.root = h(
      "div",
      { class: "choice", role: "radiogroup", "aria-label": label },
      ...options.map((option, index) => h("label", {}, this.inputs[index], h("span", {}, option.label))),
    );
  }

  get isSet() {
    return this.value !== null;
  }

  focus() {
    this.inputs[0].focus();
  }
}
