// What is seen and touched. It reads the engine and calls it; it keeps no sound of its own.

import { clock, h, icon, setAttribute, setText } from "../mixer/dom.js";
import { loadPeaks } from "../mixer/loader.js";
import { Meter, Tap } from "../mixer/meter.js";
import { decibels } from "../mixer/settings.js";
import { Timeline } from "../mixer/timeline.js";
import { Volume } from "../mixer/volume.js";
import { KEYMAP } from "./keys.js";

const PLAY = "M7 4.5v15l12-7.5z";
const PAUSE = "M6 4.5h4v15H6zM14 4.5h4v15h-4z";
const HOME = "M5 5h2.5v14H5zM19 5v14L8.5 12z";
const LOOP = "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z";

export class PlayerView {
  constructor(engine) {
    this.engine = engine;
    this.options = [];
    this.peaks = new Map(); // url -> Int8Array
    // The mixer's timeline asks for a song; here it is the data.
    const clockwork = new Proxy(engine, {
      get: (target, name) => {
        if (name === "song") return target.data && { ...target.data, offset_s: target.data.offset_s ?? 0 };
        const value = target[name];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    this.timeline = new Timeline(clockwork, () => this.#draw());
    this.canvas = h("canvas", { role: "img", "aria-label": "Waveform of what is heard" });
    this.wave = h("div", { class: "wave" }, this.canvas);
    this.timeline.listenTo(this.wave);
    this.list = h("div", { class: "sounds", role: "radiogroup", "aria-label": "What you hear" });
    this.volume = new Volume(engine);
    this.problems = h("div", { class: "problems", role: "alert", hidden: true });
    this.status = h("div", { class: "status", role: "status", "aria-live": "polite" });
    this.bar = h("span", { class: "loading-bar" });
    this.help = this.#helpDialog();
    const lane = h("div", { class: "stage" }, this.timeline.ruler, this.wave, this.timeline.overlay, this.bar);
    this.root = h(
      "section",
      { class: "player", "aria-label": "Player" },
      this.list,
      this.volume.warning,
      this.problems,
      lane,
      this.#transportBar(),
      this.help,
      this.status,
    );
    for (const type of ["load", "transport", "select", "volume"]) engine.addEventListener(type, () => this.update());
    new ResizeObserver(() => this.#resized()).observe(lane);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  // ---- building -----------------------------------------------------------------------------------------------------

  #transportBar() {
    const { engine } = this;
    this.play = this.#button("Play", PLAY, () => engine.toggle());
    this.play.classList.add("play");
    const home = this.#button("To the start", HOME, () => engine.seek(engine.loop.on ? engine.loop.start : 0));
    this.loop = this.#button("Loop", LOOP, () => this.toggleLoop());
    this.time = h("span", { class: "time" });
    this.match = h("input", { type: "checkbox", onchange: () => engine.setMatched(this.match.checked) });
    const title = "Each is lowered to the quietest, by integrated loudness; nothing is raised";
    this.matchLabel = h("label", { class: "check", title }, this.match, h("span", {}, "Match loudness"));
    this.meter = new Meter("Level of what is heard");
    const help = h(
      "button",
      { type: "button", class: "round", "aria-label": "Keyboard help", title: "Keyboard (?)", onclick: () => this.showHelp() },
      "?",
    );
    return h(
      "div",
      { class: "bar" },
      this.play,
      home,
      this.loop,
      this.time,
      this.matchLabel,
      h("span", { class: "space" }),
      this.volume.root,
      this.meter.root,
      help,
    );
  }

  #button(label, path, run) {
    return h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: run }, icon(path));
  }

  #helpDialog() {
    const rows = KEYMAP.map(({ keys, does }) =>
      h("tr", {}, h("td", {}, ...keys.map((key) => h("kbd", {}, key))), h("td", {}, does)),
    );
    const close = h("button", { type: "button", onclick: () => this.help.close() }, "Close");
    const dialog = h("dialog", { class: "help", "aria-label": "Keyboard" }, h("table", {}, h("tbody", {}, ...rows)), close);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    return dialog;
  }

  // ---- data ---------------------------------------------------------------------------------------------------------

  /** Show these sounds: a button each. */
  show(data) {
    const key = JSON.stringify([data.key, data.blind, data.sounds.map(({ id, label, note }) => [id, label, note])]);
    if (key !== this.key) {
      this.key = key;
      this.options = data.sounds.map((sound, index) => this.#option(sound, index));
      this.list.replaceChildren(...this.options.map(({ root }) => root));
    }
    this.matchLabel.hidden = data.may_unmatch === false;
    if (data.may_unmatch === false) this.engine.matched = true;
    for (const { peaks_url: url } of data.sounds) this.#loadPeaks(url);
    this.update();
  }

  #option(sound, index) {
    const input = h("input", {
      type: "radio",
      name: "cadenza-sound",
      value: sound.id,
      onchange: () => this.engine.select(sound.id),
    });
    const note = h("small", {}, sound.note ?? "");
    const number = h("kbd", { "aria-hidden": "true" }, String(index + 1));
    const root = h("label", { title: sound.label }, input, h("span", {}, number, h("b", {}, sound.label), note));
    return { root, input, sound };
  }

  async #loadPeaks(url) {
    if (!url || this.peaks.has(url)) return;
    this.peaks.set(url, null);
    try {
      this.peaks.set(url, await loadPeaks(url));
    } catch {
      this.peaks.delete(url); // only a picture
    }
    this.#draw();
  }

  // ---- showing ------------------------------------------------------------------------------------------------------

  update() {
    const { engine } = this;
    for (const { root, input, sound } of this.options) {
      const state = engine.states.get(sound.id)?.state;
      input.checked = engine.selected === sound.id;
      input.disabled = state !== "ready";
      root.classList.toggle("selected", input.checked);
      root.classList.toggle("failed", state === "failed");
    }
    const { isReady, playing } = engine;
    this.#showProblems();
    this.play.disabled = !isReady;
    setAttribute(this.play, "aria-label", playing ? "Pause" : "Play");
    if (playing !== this.shownPlaying) {
      this.shownPlaying = playing;
      this.play.replaceChildren(icon(playing ? PAUSE : PLAY));
    }
    setAttribute(this.loop, "aria-pressed", String(engine.loop.on));
    this.match.checked = engine.matched;
    this.root.classList.toggle("loading", !engine.loaded);
    this.bar.style.setProperty("--done", engine.share.toFixed(3));
    this.#connect();
    this.#showVolume();
    this.timeline.update();
    this.#draw();
    this.run();
  }

  #showProblems() {
    const { failures, limiterMissing } = this.engine;
    const texts = limiterMissing
      ? ["The limiter needs a page from localhost or over https; the volume keeps full scale below the ceiling."]
      : [];
    const key = [...failures, ...texts].join(" ");
    if (key === this.problemsShown) return;
    this.problemsShown = key;
    this.problems.hidden = !key;
    const retry = h("button", { type: "button", onclick: () => this.engine.retry() }, "Try again");
    this.problems.replaceChildren(h("span", {}, key), ...(failures.length ? [retry] : []));
  }

  #showVolume() {
    const { engine } = this;
    this.volume.show(engine.levelAtEar, Boolean(engine.data?.aided), this.held);
  }

  /** Say that the ceiling holds peaks down, while it does and 0.3 s longer. */
  #showHeld(time) {
    if (this.engine.playing && decibels(this.engine.reduction) < -0.05) this.heldUntil = time + 0.3;
    const held = time < (this.heldUntil ?? 0);
    if (held === this.held) return;
    this.held = held;
    this.#showVolume();
  }

  #connect() {
    const { graph } = this.engine;
    if (!graph || graph === this.tapped) return;
    this.tapped = graph;
    const splitter = new ChannelSplitterNode(graph.context, { numberOfOutputs: 2 });
    graph.output.connect(splitter);
    this.taps = [0, 1].map((row) => {
      const ear = new GainNode(graph.context);
      splitter.connect(ear, row);
      return new Tap(graph.context, ear);
    });
  }

  /** Move what moves, as long as something does. */
  run() {
    if (this.frame) return;
    const step = (now) => {
      this.frame = null;
      if (!this.root.isConnected) return;
      const { engine } = this;
      this.timeline.showPosition();
      const { rate = 1, frames = 0, offset_s: offset = 0 } = engine.data ?? {};
      setText(this.time, `${clock(offset + engine.position / rate)} / ${clock(offset + frames / rate)}`);
      const peaks = this.taps && engine.playing ? this.taps.map((tap) => tap.peak) : [0, 0];
      const moving = this.meter.show(peaks, now / 1000);
      this.#showHeld(now / 1000);
      if (engine.playing || moving || this.held) this.run();
    };
    this.frame = requestAnimationFrame(step);
  }

  #resized() {
    this.timeline.update();
    this.#draw();
  }

  #draw() {
    const ratio = devicePixelRatio || 1;
    const width = Math.round(this.wave.clientWidth * ratio);
    const height = Math.round(this.wave.clientHeight * ratio);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(this.root).getPropertyValue("--wave") || "#888";
    const middle = height / 2;
    pen.fillRect(0, middle - 0.5, width, 1);
    const { engine, timeline } = this;
    const sound = engine.sounds.find(({ id }) => id === engine.selected);
    const peaks = sound && this.peaks.get(sound.peaks_url);
    if (!peaks || engine.data.blind) return; // a blind test must not show which is which
    const factor = engine.factor(sound.id) / Math.max(...engine.sounds.map(({ id }) => engine.factor(id)));
    const bins = peaks.length / 2;
    const unit = (0.96 * middle * factor) / 127;
    for (let x = 0; x < width; x++) {
      const [first, last] = [x, x + 1].map((each) => timeline.first + ((timeline.last - timeline.first) * each) / width);
      const stop = Math.min(bins, Math.max(Math.floor(first * bins) + 1, Math.ceil(last * bins)));
      let low = 0;
      let high = 0;
      for (let bin = Math.floor(first * bins); bin < stop; bin++) {
        low = Math.min(low, peaks[2 * bin]);
        high = Math.max(high, peaks[2 * bin + 1]);
      }
      pen.fillRect(x, middle - high * unit, 1, Math.max(1, (high - low) * unit));
    }
  }

  // ---- commands -----------------------------------------------------------------------------------------------------

  say(text) {
    setText(this.status, text);
  }

  choose(index) {
    const option = this.options[index];
    if (!option) return;
    this.engine.select(option.sound.id);
    if (this.engine.selected === option.sound.id) this.say(`Hearing: ${option.sound.label}`);
  }

  toggleLoop() {
    const { engine } = this;
    if (!engine.data) return;
    if (engine.loop.end <= engine.loop.start) engine.setLoop(0, engine.data.frames);
    else engine.setLooping(!engine.loop.on);
    this.say(engine.loop.on ? "Loop on" : "Loop off");
  }

  toggleMatch() {
    if (this.matchLabel.hidden) return;
    this.engine.setMatched(!this.engine.matched);
    this.say(this.engine.matched ? "Loudness matched" : "As they are");
  }

  showHelp() {
    if (!this.help.open) this.help.showModal();
  }
}

