// What is seen and touched. It reads the engine and calls it; it keeps no sound and no settings of its own.

import { clock, h, icon, level, setAttribute, setText } from "./dom.js";
import { Fader } from "./fader.js";
import { KEYMAP } from "./keys.js";
import { Lane } from "./lane.js";
import { Meter } from "./meter.js";
import { MODES, isRendered } from "./graph.js";
import { SIMULATIONS, decibels } from "./settings.js";
import { Timeline } from "./timeline.js";
import { INTERRUPTED } from "./transport.js";
import { Volume } from "./volume.js";

const CEILING = 10 ** (-1 / 20); // of the limiter that is switched on
const PAUSE_MS = 30; // between two pictures: 30 a second on most screens, for half the work of 60
const PLAY = "M7 4.5v15l12-7.5z";
const PAUSE = "M6 4.5h4v15H6zM14 4.5h4v15h-4z";
const HOME = "M5 5h2.5v14H5zM19 5v14L8.5 12z";
const LOOP = "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z";

const MODE_LABELS = {
  original: ["Original", "The original mixture"],
  remix: ["Remix", "The remix, not amplified"],
  aided: ["Aided", "The remix with the listener's amplification"],
  reference: ["Reference", "The same remix of the true stems"],
  reference_aided: ["Reference aided", "The same remix of the true stems, amplified"],
  msbg: ["Unaided", "The remix as the listener hears it without amplification, rendered by MSBG"],
  msbg_aided: ["Aided", "The amplified remix as the listener hears it, rendered by MSBG"],
};
const SIMULATION_LABELS = {
  off: ["Off", "Heard with your own ears"],
  both: ["Both ears", "Both ears hear about as the listener's do"],
  left: ["Left", "The left ear hears about as the listener's does, the right one as yours"],
  right: ["Right", "The right ear hears about as the listener's does, the left one as yours"],
};
const LIVE_NOTE =
  "A live approximation of MSBG: thresholds, loudness recruitment and its own spectral smearing. Third-octave bands are within 3 dB " +
  "of MSBG's up to moderately severe losses. It takes the mix at volume 0 dB.";

export class View {
  constructor(engine) {
    this.engine = engine;
    this.lanes = [];
    this.lastRemix = "remix";
    this.timeline = new Timeline(engine, () => this.#draw());
    this.status = h("div", { class: "status", role: "status", "aria-live": "polite" });
    this.grid = h("div", { class: "lanes" });
    this.volume = new Volume(engine);
    this.problems = h("div", { class: "problems", role: "alert", hidden: true });
    this.help = this.#helpDialog();
    this.root = h(
      "section",
      { class: "mixer", "aria-label": "Mixer" },
      this.#hearBar(),
      this.#listenerBar(),
      this.volume.warning,
      this.problems,
      this.grid,
      this.#transportBar(),
      this.help,
      this.status,
    );
    engine.addEventListener("settings", () => this.#update());
    engine.addEventListener("load", () => this.#update());
    engine.addEventListener("loudness", () => this.#showLoudness());
    engine.addEventListener("transport", () => this.#update());
    new ResizeObserver(() => this.#resized()).observe(this.grid);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  // ---- building -----------------------------------------------------------------------------------------------------

  #hearBar() {
    this.radios = Object.fromEntries(Object.keys(MODES).map((mode) => [mode, this.#radio(mode)]));
    const group = h(
      "div",
      { class: "segments", role: "radiogroup", "aria-label": "What you hear" },
      ...Object.entries(this.radios).flatMap(([mode, { root }]) => (isRendered(mode) ? [] : [root])),
    );
    this.match = this.#check(
      "Match loudness",
      (on) => this.engine.setMatch(on),
      "Lower the louder ones to the quietest, by integrated loudness",
    );
    this.listener = h("span", { class: "listener" });
    const help = h(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": "Keyboard help",
        title: "Keyboard (?)",
        onclick: () => this.showHelp(),
      },
      "?",
    );
    return h(
      "div",
      { class: "bar top" },
      h("span", { class: "caption" }, "Hear"),
      group,
      this.match.root,
      this.listener,
      h("span", { class: "space" }),
      this.volume.root,
      help,
    );
  }

  /** What simulates the listener's hearing: live, or rendered. */
  #listenerBar() {
    this.simulations = Object.fromEntries(SIMULATIONS.map((ears) => [ears, this.#simulationRadio(ears)]));
    const live = h(
      "div",
      { class: "segments small", role: "radiogroup", "aria-label": "Hear as the listener does, live approximation" },
      ...Object.values(this.simulations).map(({ root }) => root),
    );
    this.rendered = h(
      "div",
      { class: "segments small", role: "radiogroup", "aria-label": "Hear as the listener does, rendered by MSBG" },
      this.radios.msbg.root,
      this.radios.msbg_aided.root,
    );
    this.renderedNote = h("span", { class: "listener" });
    this.liveNote = h("span", { class: "listener", title: LIVE_NOTE }, "approximate");
    this.listenerBar = h(
      "div",
      { class: "bar ears" },
      h("span", { class: "caption" }, "As the listener"),
      h("span", { class: "group" }, h("span", { title: LIVE_NOTE }, "live"), live, this.liveNote),
      h("span", { class: "group" }, h("span", {}, "MSBG"), this.rendered, this.renderedNote),
    );
    return this.listenerBar;
  }

  #simulationRadio(ears) {
    const [label, title] = SIMULATION_LABELS[ears];
    const onchange = () => this.simulate(ears);
    const input = h("input", { type: "radio", name: "cadenza-simulation", value: ears, onchange });
    return { input, root: h("label", { title }, input, h("span", {}, label)) };
  }

  #radio(mode) {
    const [label, title] = MODE_LABELS[mode];
    const input = h("input", { type: "radio", name: "cadenza-hear", value: mode, onchange: () => this.hear(mode) });
    return { input, root: h("label", { title }, input, h("span", {}, label)) };
  }

  #check(label, set, title) {
    const input = h("input", { type: "checkbox", onchange: () => set(input.checked) });
    return { input, root: h("label", { class: "check", title }, input, h("span", {}, label)) };
  }

  #button(label, path, run, pressed = false) {
    return h(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": label,
        title: label,
        onclick: run,
        "aria-pressed": pressed ? "false" : null,
      },
      icon(path),
    );
  }

  #transportBar() {
    const { engine, timeline } = this;
    this.play = this.#button("Play", PLAY, () => engine.toggle());
    this.play.classList.add("play");
    this.loop = this.#button("Loop", LOOP, () => this.toggleLoop(), true);
    const home = this.#button("To the start", HOME, () => engine.seek(engine.loop.on ? engine.loop.start : 0));
    this.time = h("span", { class: "time" });
    this.excerpt = h("span", { class: "excerpt" });
    this.follow = this.#check("Follow", () => this.toggleFollow(), "Turn the page with the playhead (F)");
    this.follow.input.checked = true;
    const zoom = h(
      "span",
      { class: "group zoom", role: "group", "aria-label": "Zoom" },
      h("button", { type: "button", class: "round", "aria-label": "Zoom out", onclick: () => timeline.zoom(0.5) }, "−"),
      h("button", { type: "button", class: "round", "aria-label": "Zoom in", onclick: () => timeline.zoom(2) }, "+"),
    );
    this.master = new Fader("the master", (dB) => engine.setMaster(dB ?? -60));
    this.meter = new Meter("Level of the output");
    this.loudness = h("output", {}, "–");
    this.truePeak = h("output", {}, "–");
    this.clips = h("output", {}, "0");
    this.reset = h(
      "button",
      {
        type: "button",
        class: "readout",
        title: "Press to reset true peak and clip count",
        onclick: () => engine.resetMeter(),
      },
      h("span", {}, "Clipped"),
      this.clips,
    );
    this.limiter = this.#check(
      "Limiter",
      (on) => engine.setLimiter(on),
      "Look-ahead limiter at −1 dB true peak; off, samples pass unchanged unless the ceiling at the ear holds them",
    );
    this.lamp = h("span", { class: "lamp" }, "idle");
    return h(
      "div",
      { class: "bar bottom" },
      h("span", { class: "group" }, home, this.play, this.loop),
      h("span", { class: "group clock" }, this.time, this.excerpt),
      h("span", { class: "group" }, zoom, this.follow.root),
      h("span", { class: "space" }),
      h(
        "span",
        { class: "group master" },
        h("span", { class: "caption" }, "Master"),
        this.master.root,
        this.meter.root,
      ),
      h(
        "span",
        { class: "group" },
        readout(
          "Loudness",
          this.loudness,
          "LUFS",
          "Integrated, of the whole excerpt with these gains, before the limiter",
        ),
        readout("True peak", this.truePeak, "dBTP", "Highest so far, estimated by four times oversampling"),
        this.reset,
      ),
      h("span", { class: "group limiter" }, this.limiter.root, this.lamp),
    );
  }

  #helpDialog() {
    const rows = KEYMAP.map(({ keys, does }) =>
      h("tr", {}, h("th", { scope: "row" }, ...keys.flatMap((key) => [h("kbd", {}, key), " "])), h("td", {}, does)),
    );
    const close = h(
      "button",
      { type: "button", class: "round", "aria-label": "Close", onclick: () => this.help.close() },
      "×",
    );
    return h(
      "dialog",
      { "aria-label": "Keyboard", onclick: (event) => event.target === this.help && this.help.close() },
      h(
        "div",
        {},
        h("header", {}, h("h2", {}, "Keyboard"), close),
        h("table", {}, h("tbody", {}, ...rows)),
        h("p", {}, "Click on a lane to go there, drag to loop, Ctrl and wheel to zoom. Double-click a gain for 0 dB."),
      ),
    );
  }

  /** Build the lanes of a song, in its order. */
  show(song) {
    this.lanes = song.lanes.map((lane, index) => new Lane(this.engine, lane, index));
    const { ruler, overlay } = this.timeline;
    overlay.style.gridRow = `1 / span ${song.lanes.length + 1}`;
    const empty = h("p", { class: "empty" }, "There are no stems to mix yet. Pick a song and separate it first.");
    this.grid.replaceChildren(
      h("span", { class: "corner" }),
      ruler,
      ...this.lanes.map(({ root }) => root),
      overlay,
      ...(song.lanes.length ? [] : [empty]),
    );
    for (const lane of this.lanes) {
      this.timeline.listenTo(lane.wave);
      lane.onpeaks = () => this.#draw();
    }
    this.timeline.first = 0;
    this.timeline.last = 1;
    this.#update();
    this.#draw();
  }

  // ---- showing ------------------------------------------------------------------------------------------------------

  #update() {
    const { engine } = this;
    const { song, settings } = engine;
    if (!song) return;
    for (const lane of this.lanes) if (settings.gains[lane.lane.name]) lane.update();
    const { available, hear } = engine;
    for (const [mode, { input, root }] of Object.entries(this.radios)) {
      root.hidden = mode.startsWith("reference") && !song.reference?.length;
      input.disabled = !available.includes(mode);
      input.checked = mode === hear;
      root.title = modeTitle(mode, song);
    }
    this.#showListener();
    if (hear !== "original") this.lastRemix = hear;
    this.match.input.checked = settings.match_loudness;
    const aid = song.listener_label && song.aid_label ? `, ${song.aid_label}` : "";
    setText(this.listener, song.listener_label ? `for ${song.listener_label}${aid}` : "no listener chosen");
    this.master.show(settings.master_db);
    this.limiter.input.checked = settings.limiter;
    this.limiter.input.disabled = engine.limiterMissing;
    this.#showTransport();
    this.#showProblems();
    this.#showLoudness();
    this.timeline.update();
    this.run();
  }

  #showListener() {
    const { engine } = this;
    const { song, settings, simulation } = engine;
    this.listenerBar.hidden = !song.hearing_url;
    const now = isRendered(engine.hear) ? "off" : settings.simulation;
    for (const [ears, { input }] of Object.entries(this.simulations)) {
      input.checked = ears === now;
      input.disabled = engine.limiterMissing || isRendered(engine.hear);
    }
    const loading = simulation.loading ? "getting ready…" : "approximate";
    setText(this.liveNote, isRendered(engine.hear) ? "not on top of MSBG" : loading);
    this.renderedNote.classList.toggle("stale", engine.isStale);
    if (!song.msbg) setText(this.renderedNote, "not rendered yet: see Hearing, beside");
    else setText(this.renderedNote, engine.isStale ? "stale: of other settings" : "of these settings");
  }

  #showTransport() {
    const { engine } = this;
    const { playing } = engine;
    const label = engine.isReady ? (playing ? "Pause" : "Play") : "Play (the stems are still loading)";
    setAttribute(this.play, "aria-label", label);
    setAttribute(this.play, "title", `${label} (Space)`);
    this.play.firstChild.firstChild.setAttribute("d", playing ? PAUSE : PLAY);
    this.play.disabled = !engine.isReady && !playing;
    setAttribute(this.loop, "aria-pressed", String(engine.loop.on));
  }

  #showProblems() {
    const { failures, limiterMissing, interrupted } = this.engine;
    const texts = [...(interrupted ? [INTERRUPTED] : []), ...failures].map((message) => h("p", {}, message));
    if (failures.length) {
      texts.push(h("button", { type: "button", onclick: () => this.engine.retry() }, "Try again"));
    }
    if (limiterMissing) {
      const text =
        "Limiter, true peak and clip count need a page from localhost or over https; all else works. " +
        "The volume keeps full scale below the ceiling.";
      texts.push(h("p", {}, text));
    }
    const key = failures.join() + limiterMissing + interrupted;
    if (key === this.problemsShown) return;
    this.problemsShown = key;
    this.problems.hidden = !texts.length;
    this.problems.replaceChildren(...texts);
  }

  #showLoudness() {
    setText(this.loudness, level(this.engine.loudness));
    this.#showSafety();
  }

  #showSafety() {
    const { hear, levelAtEar } = this.engine;
    this.volume.show(levelAtEar, MODES[hear].aided, this.held);
  }

  #resized() {
    this.timeline.update();
    this.#draw();
  }

  #draw() {
    const loudest = Math.max(0.05, ...this.lanes.map((lane) => lane.loudest));
    for (const lane of this.lanes) lane.draw(this.timeline.first, this.timeline.last, 1 / loudest);
  }

  /** Animate while something moves. */
  run() {
    if (this.animation) return;
    const draw = (time) => {
      this.animation = null;
      if (this.#frame(time / 1000)) this.run();
    };
    this.animation = setTimeout(() => requestAnimationFrame(draw), PAUSE_MS);
  }

  #frame(time) {
    const { engine } = this;
    if (!engine.song || !this.root.isConnected) return false;
    const seconds = engine.position / engine.song.rate;
    const { offset_s: offset, frames, rate } = engine.song;
    setText(this.time, `${clock(seconds)} / ${clock(frames / rate)}`);
    setText(this.excerpt, offset ? `in the song ${clock(offset + seconds)}` : "");
    this.timeline.showPosition();
    let moving = engine.playing;
    for (const lane of this.lanes) {
      lane.connect(engine.graph);
      moving = lane.showLevel(time) || moving;
    }
    const meter = engine.meter ?? { peaks: [0, 0], truePeak: 0, clips: 0, reduction: 1 };
    moving = this.meter.show(engine.playing ? meter.peaks : [0, 0], time) || moving;
    setText(this.truePeak, level(decibels(meter.truePeak)));
    setText(this.clips, String(meter.clips));
    this.reset.classList.toggle("alarm", meter.clips > 0);
    this.#showLamp(decibels(meter.reduction), time);
    return moving;
  }

  #showLamp(reduction, time) {
    if (reduction < -0.05 && this.engine.playing) this.lampUntil = time + 0.3;
    const lit = time < (this.lampUntil ?? 0);
    this.lamp.classList.toggle("lit", lit);
    const held = lit && (!this.engine.settings.limiter || this.engine.safety.limit < CEILING);
    if (held !== this.held) {
      this.held = held;
      this.#showSafety();
    }
    if (!this.engine.settings.limiter && !held) setText(this.lamp, "off");
    else if (!lit) setText(this.lamp, "idle");
    else if (reduction < -0.05) setText(this.lamp, `${level(reduction)} dB`);
  }

  // ---- commands -----------------------------------------------------------------------------------------------------

  say(text) {
    setText(this.status, text);
  }

  hear(mode) {
    if (!this.engine.available.includes(mode)) return;
    this.engine.setHear(mode);
    this.say(`Hearing: ${MODE_LABELS[mode][1]}`);
  }

  simulate(ears) {
    if (this.simulations[ears].input.disabled || this.listenerBar.hidden) return;
    this.engine.setSimulation(ears);
    this.say(SIMULATION_LABELS[ears][1]);
  }

  simulateNext() {
    const { simulation } = this.engine.settings;
    this.simulate(SIMULATIONS[(SIMULATIONS.indexOf(simulation) + 1) % SIMULATIONS.length]);
  }

  hearNext() {
    const { available, hear } = this.engine;
    this.hear(available[(available.indexOf(hear) + 1) % available.length]);
  }

  toggleLoop() {
    const { engine } = this;
    if (!engine.song) return;
    if (engine.loop.end <= engine.loop.start) engine.setLoop(0, engine.song.frames);
    else engine.setLooping(!engine.loop.on);
    this.say(engine.loop.on ? "Loop on" : "Loop off");
  }

  toggleFollow() {
    this.timeline.follow = !this.timeline.follow;
    this.follow.input.checked = this.timeline.follow;
  }

  showHelp() {
    if (!this.help.open) this.help.showModal();
  }
}

function modeTitle(mode, { fir, aid_label: aid, listener_label: listener }) {
  const title = MODE_LABELS[mode][1];
  if (!mode.endsWith("aided") || isRendered(mode)) return title;
  if (fir) return aid ? `${title} (${aid})` : title;
  if (listener && aid) return `${aid} follows the level: it is in exports, and not heard here`;
  return "Choose a listener to hear the remix amplified";
}

function readout(label, output, unit, title) {
  return h("span", { class: "readout", title }, h("span", {}, label), h("span", {}, output, h("small", {}, unit)));
}
