// The sounds of a trial: a button each where there are several, play, position, repetition; and which were heard for how long.

import { clock, h, icon, setAttribute, setText } from "../mixer/dom.js";

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M6 5h4v14H6zm8 0h4v14h-4z";
const LOOP = "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z";
const TICK = "M9 16.2 4.8 12l-1.4 1.4L9 19 21 7l-1.4-1.4z";
const EVERY = 200; // ms
/** Share of the time asked for that counts as all of it; the server's is a little less. */
const ENOUGH = 0.97;

export class Player {
  /**
   * @param {PlayerEngine} engine
   * @param {object} trial as the server gives it: sounds, rate, frames, hear_s
   * @param {() => void} changed called whenever more was heard, or another sound is
   */
  constructor(engine, trial, changed) {
    this.engine = engine;
    this.trial = trial;
    this.changed = changed;
    this.buttons = new Map(trial.sounds.map((sound) => [sound.id, this.#button(sound)]));
    this.play = h("button", { type: "button", class: "play", onclick: () => engine.toggle() }, icon(PLAY));
    this.position = h("input", {
      type: "range",
      class: "position",
      min: 0,
      max: trial.frames,
      step: Math.round(trial.rate / 10),
      value: 0,
      "aria-label": "Position",
      oninput: () => engine.seek(Number(this.position.value)),
    });
    this.region = h("i", { class: "region" });
    this.time = h("span", { class: "time", "aria-hidden": "true" });
    this.loop = h(
      "button",
      { type: "button", class: "round", "aria-label": "Repeat", "aria-pressed": "false", onclick: () => this.toggleLoop() },
      icon(LOOP),
    );
    this.problems = h("div", { class: "problems", role: "alert", hidden: true });
    const place = h("div", { class: "place" }, this.region, this.position);
    this.root = h(
      "section",
      { class: "player", "aria-label": "Sound" },
      this.problems,
      h("div", { class: "bar" }, this.play, place, this.time, this.loop),
    );
    this.update = () => this.#update();
    for (const name of ["load", "transport", "select", "log"]) engine.addEventListener(name, this.update);
    this.timer = setInterval(() => engine.playing && this.#update(), EVERY);
  }

  /** Fetch the sounds. */
  async load() {
    const { sounds, rate, frames, id } = this.trial;
    const items = sounds.map((sound) => ({ ...sound, level_db: 0 }));
    const loaded = this.engine.load({ key: id, place: id, rate, frames, sounds: items });
    this.engine.setLoop(0, frames);
    this.engine.setLooping(sounds.length > 1);
    this.#update();
    await loaded;
  }

  close() {
    clearInterval(this.timer);
    this.engine.pause();
    for (const name of ["load", "transport", "select", "log"]) this.engine.removeEventListener(name, this.update);
  }

  #button(sound) {
    const root = h(
      "button",
      { type: "button", class: "sound", "aria-pressed": "false", onclick: () => this.choose(sound.id) },
      h("kbd", { "aria-hidden": "true" }, sound.id),
      h("b", {}, sound.label),
      h("span", { class: "heard", hidden: true }, icon(TICK), h("span", { class: "unseen" }, "heard")),
    );
    return root;
  }

  /** Hear a sound; it begins if nothing plays. */
  choose(id) {
    if (!this.buttons.has(id) || !this.engine.isReady) return;
    this.engine.select(id);
    if (!this.engine.playing) this.engine.play();
  }

  toggleLoop() {
    const { engine } = this;
    if (engine.loop.on && (engine.loop.start > 0 || engine.loop.end < this.trial.frames)) engine.setLoop(0, this.trial.frames);
    else engine.setLooping(!engine.loop.on);
  }

  /** Sounds that were not heard for long enough yet. */
  get unheard() {
    const heard = this.engine.report().heard_s;
    return this.trial.sounds.filter(({ id }) => (heard[id] ?? 0) < ENOUGH * this.trial.hear_s);
  }

  #update() {
    const { engine, trial } = this;
    const { isReady, playing, failures, loop } = engine;
    this.play.disabled = !isReady;
    this.play.classList.toggle("waiting", !isReady && !failures.length);
    setAttribute(this.play, "aria-label", playing ? "Pause" : isReady ? "Play" : "Loading the sound");
    if (playing !== this.shown) {
      this.shown = playing;
      this.play.replaceChildren(icon(playing ? PAUSE : PLAY));
    }
    if (document.activeElement !== this.position || playing) this.position.value = String(engine.position);
    setAttribute(this.position, "aria-valuetext", `${(engine.position / trial.rate).toFixed(1)} seconds`);
    setText(this.time, `${clock(engine.position / trial.rate)} / ${clock(trial.frames / trial.rate)}`);
    setAttribute(this.loop, "aria-pressed", String(loop.on));
    const part = loop.on && (loop.start > 0 || loop.end < trial.frames);
    this.region.hidden = !part;
    if (part) {
      this.region.style.left = `${(100 * loop.start) / trial.frames}%`;
      this.region.style.width = `${(100 * (loop.end - loop.start)) / trial.frames}%`;
    }
    this.problems.hidden = !failures.length;
    if (failures.length) {
      const again = h("button", { type: "button", onclick: () => engine.retry() }, "Try again");
      this.problems.replaceChildren(h("span", {}, failures.join(" ")), ...(engine.interrupted ? [] : [again]));
    }
    const unheard = new Set(this.unheard.map(({ id }) => id));
    for (const [id, button] of this.buttons) {
      const selected = engine.selected === id;
      setAttribute(button, "aria-pressed", String(selected));
      button.classList.toggle("selected", selected);
      button.disabled = !isReady;
      button.querySelector(".heard").hidden = unheard.has(id);
    }
    this.changed();
  }
}
