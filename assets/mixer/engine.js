// The mixer's engine: sounds, settings, transport, loudness and rendering. It knows no DOM; views listen to its events:
// "settings", "transport", "load" (progress, errors, readiness), "loudness".

import { GAIN_TAU, Graph, HEAR_TAU, MODES, glide, isRendered } from "./graph.js";
import { LoadError, loadSounds } from "./loader.js";
import { analyse } from "./loudness.js";
import { addLimiter, applyGains, renderTracks } from "./render.js";
import { EARS, HEAR, SIMULATIONS, decibels, defaults, earFactor, factor, gain, sanitise } from "./settings.js";
import { Safety, UNKNOWN_RISE_DB } from "./safety.js";
import { Simulation } from "./simulation.js";
import { Transport, onInterruption } from "./transport.js";

/** Peaks of music are about that much above its loudness. */
const CREST_DB = 12;

export class Engine extends EventTarget {
  constructor() {
    super();
    this.song = null; // what load() was given
    this.settings = defaults([]);
    this.loop = { start: 0, end: 0, on: false };
    this.context = null;
    this.graph = null;
    this.transport = null;
    this.sounds = new Map(); // url -> {state: "loading" | "ready" | "failed", fraction, buffer, message}
    this.powers = {}; // bus -> {plain, aided}, once analysed
    this.loading = null; // AbortController of the sounds on their way
    this.loaded = false; // the song's first sounds have come or failed
    this.limiterMissing = false;
    this.interrupted = false; // something else than the page has stopped the sound
    this.wait = 0; // s before changes of gains begin
    this.safety = null; // volume, ceiling: made with the context
    this.simulation = new Simulation();
    this.levels = { calibration_db_spl: 100, ceiling_db_spl: 100 };
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }

  // ---- the song -----------------------------------------------------------------------------------------------------

  get names() {
    return this.song ? this.song.lanes.map((lane) => lane.name) : [];
  }

  /** Take a song (see the contract in pages/widgets/mixer.py): stop the old one, load the new one's sounds. */
  async load(song) {
    const sameSong = this.song?.song.id === song.song.id && this.song.frames === song.frames;
    const rest = sameSong && this.song.offset_s === song.offset_s ? this.position : 0;
    const fading = this.playing;
    this.transport?.pause();
    this.loaded = false;
    this.loading?.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.song = song;
    this.powers = {};
    this.sounds = new Map([...this.sounds].filter(([url, sound]) => sound.state === "ready" && this.#needs(url)));
    if (!sameSong) this.loop = { start: 0, end: song.frames, on: false };
    this.settings = sanitise(this.settings, this.names);
    const ready = this.#prepare(song.rate);
    const sounds = this.#sounds(this.#primary(), signal); // they come while the audio thread gets ready
    await ready;
    if (fading) await new Promise((done) => setTimeout(done, 30)); // let the old song fade out before it goes
    if (signal.aborted) return;
    this.graph.removeTracks();
    this.graph.setFir(song.fir);
    this.transport = new Transport(this.graph, song.frames, () => this.#tell("transport"));
    this.transport.rest = rest;
    this.#applyLoop();
    this.#applyAll();
    this.#tell("transport");
    await this.#take(this.#primary(), sounds, signal);
    if (signal.aborted) return;
    this.loaded = true;
    this.#tell("load");
    await this.#loadHeard();
  }

  #primary() {
    const { lanes, original_url: original } = this.song;
    const items = lanes.map(({ url, label }) => ({ url, label, bus: "remix" }));
    if (original) items.push({ url: original, label: "The original mixture", bus: "original" });
    return items.map((item, index) => ({ ...item, name: lanes[index]?.name ?? null }));
  }

  #references() {
    return (this.song.reference ?? []).map(({ name, url }) => {
      const label = this.song.lanes.find((lane) => lane.name === name)?.label ?? name;
      return { url, name, label: `The true stem ${label}`, bus: "reference" };
    });
  }

  /** MSBG's rendering of a bus, if there is one. */
  #rendering(bus) {
    const url = this.song.msbg?.urls[bus];
    return url ? [{ url, name: null, label: "What the listener hears (MSBG)", bus }] : [];
  }

  #needs(url) {
    const renderings = Object.keys(this.song.msbg?.urls ?? {}).flatMap((bus) => this.#rendering(bus));
    return [...this.#primary(), ...this.#references(), ...renderings].some((item) => item.url === url);
  }

  #prepare(rate) {
    if (this.context) return this.ready;
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    onInterruption(this.context, () => this.#interrupt());
    this.safety = new Safety(this.context);
    this.setLevels(this.levels);
    this.ready = addLimiter(this.context).then((worklet) => {
      this.limiterMissing = !worklet;
      this.graph = new Graph(this.context, worklet, false, null);
      this.safety.connect(this.graph.limiter, this.graph.master);
      this.meter = { peaks: [0, 0], truePeak: 0, clips: 0, reduction: 1 };
      if (worklet) this.graph.limiter.port.onmessage = ({ data }) => (this.meter = data);
    });
    return this.ready;
  }

  #fetch(items, signal) {
    return this.#take(items, this.#sounds(items, signal), signal);
  }

  /** Fetch and decode the sounds of `items` that are not here. */
  async #sounds(items, signal) {
    const missing = items.filter(({ url }) => this.sounds.get(url)?.state !== "ready");
    const wanted = missing.filter(({ url }, index) => missing.findIndex((other) => other.url === url) === index);
    for (const { url } of wanted) this.sounds.set(url, { state: "loading", fraction: 0 });
    this.#tell("load");
    const results = await loadSounds(this.context, wanted, {
      frames: this.song.frames,
      signal,
      progress: (index, fraction) => {
        if (!signal.aborted) this.sounds.set(wanted[index].url, { state: "loading", fraction });
        if (!signal.aborted) this.#tell("load");
      },
    });
    if (signal.aborted) return;
    results.forEach(({ status, value, reason }, index) => {
      const message = reason instanceof LoadError ? reason.message : `${wanted[index].label} could not be loaded.`;
      const sound = status === "fulfilled" ? { state: "ready", buffer: value } : { state: "failed", message };
      this.sounds.set(wanted[index].url, sound);
    });
  }

  /** Put the sounds of `items` into the graph, once `sounds` have come. */
  async #take(items, sounds, signal) {
    await Promise.all([this.ready, sounds]);
    if (signal.aborted) return;
    const present = (item) => this.graph.tracks.some((track) => track.bus === item.bus && track.name === item.name);
    for (const item of items) {
      const sound = this.sounds.get(item.url);
      if (sound.state === "ready" && !present(item)) this.graph.addTrack(item.bus, item.name, sound.buffer);
    }
    if (this.graph.tracks.length && !this.song.original_url) this.#originalFromStems();
    this.#applyAll();
    this.transport.splice();
    this.#tell("load");
    this.#measureLoudness(signal);
  }

  /** Without a file of the original mixture, the plain sum of the stems takes its place. */
  #originalFromStems() {
    if (this.graph.tracks.some((track) => track.bus === "original")) return;
    for (const track of this.graph.tracks.filter((each) => each.bus === "remix")) {
      this.graph.addTrack("original", null, track.buffer);
    }
  }

  /** Load the sounds of what is heard that only come when they are listened to. */
  #loadHeard() {
    const { bus } = MODES[this.hear];
    const items = bus === "reference" ? this.#references() : this.#rendering(bus);
    return this.loaded && items.length ? this.#fetch(items, this.loading.signal) : undefined;
  }

  /** Try the sounds that failed once more. */
  retry() {
    this.simulation.forgive();
    const { bus } = MODES[this.hear];
    const reference = bus === "reference" || this.graph.tracks.some((track) => track.bus === "reference");
    const items = [...this.#primary(), ...(reference ? this.#references() : []), ...this.#rendering(bus)];
    return Promise.all([this.#fetch(items, this.loading.signal), this.#applySimulation()]);
  }

  soundOf(url) {
    return this.sounds.get(url) ?? { state: "waiting", fraction: 0 };
  }

  /** Ready to play: every sound needed for what is heard has come or failed, and one at least has come. */
  get isReady() {
    return (
      this.loaded && this.graph.tracks.length > 0 && [...this.sounds.values()].every(({ state }) => state !== "loading")
    );
  }

  get failures() {
    const sounds = [...this.sounds.values()].filter(({ state }) => state === "failed").map(({ message }) => message);
    return [...sounds, ...(this.simulation.failure ? [this.simulation.failure] : [])];
  }

  /** The sound has stopped: so does the transport, at the place that was heard last. */
  #interrupt() {
    if (!this.playing) return;
    this.interrupted = true;
    this.pause();
  }

  /** A new listener: `{left, right}` taps, or null. What sounds goes on. */
  setFir(fir) {
    if (JSON.stringify(fir) === JSON.stringify(this.song.fir)) return;
    const before = this.loudness;
    this.song = { ...this.song, fir };
    if (!this.graph) return;
    this.graph.setFir(fir);
    if (MODES[this.hear].aided) this.#soften(before, NaN);
    this.#applyAll();
    this.#tell("settings");
    this.#measureLoudness(this.loading.signal);
  }

  /** Where the numbers of simulated hearing come from, and what MSBG has rendered: see the contract in pages/widgets/mixer.py. */
  setHearing({ hearing_url = null, msbg = null }) {
    const rendered = JSON.stringify(this.song.msbg?.urls) !== JSON.stringify(msbg?.urls);
    this.song = { ...this.song, hearing_url, msbg };
    if (!this.graph) return;
    if (rendered) {
      for (const bus of ["msbg", "msbg_aided"]) {
        this.graph.removeTracks(bus);
        delete this.powers[bus];
      }
      this.#applyModes();
      this.#loadHeard();
    }
    this.#applySimulation();
    this.#tell("settings");
  }

  // ---- how loud it may be -------------------------------------------------------------------------------------------

  /** What full scale is at the ear, and what peaks may be there, dB SPL. */
  setLevels({ calibration_db_spl = 100, ceiling_db_spl = 100 }) {
    this.levels = { calibration_db_spl, ceiling_db_spl };
    this.safety?.setLevels(calibration_db_spl, ceiling_db_spl);
    this.#tell("loudness");
  }

  setVolume(db) {
    this.safety?.setVolume(db);
    this.#tell("loudness");
  }

  /** Average sound level at the ear at this volume, dB SPL; NaN while unknown. */
  get levelAtEar() {
    return this.safety ? this.safety.levelOf(this.loudness) : NaN;
  }

  /** How loud it is now: as it must be, or, through simulated ears, as the meter shows it, LUFS. */
  get loudnessNow() {
    if (!this.simulatedEars.every(Boolean)) return this.loudness;
    return Math.min(this.loudness, decibels(Math.max(...(this.meter?.peaks ?? []), 1e-3)) - CREST_DB);
  }

  /** What is heard becomes louder from `before` to `after` (LUFS; NaN: not known): no jump. */
  #soften(before, after) {
    if (!this.playing) return;
    const rise = after - before;
    this.wait = this.safety.soften(Number.isNaN(rise) && MODES[this.hear].aided ? UNKNOWN_RISE_DB : rise);
    setTimeout(() => (this.wait = 0)); // what changes now waits, what changes later does not
  }

  // ---- what is heard ------------------------------------------------------------------------------------------------

  /** The modes that this song and listener offer, in their order. */
  get available() {
    return HEAR.filter((mode) => {
      if (MODES[mode].aided && !this.song?.fir) return false;
      if (isRendered(mode)) return Boolean(this.song?.msbg?.urls[mode]);
      return MODES[mode].bus !== "reference" || Boolean(this.song?.reference?.length);
    });
  }

  /** The mode that sounds: the chosen one, or the nearest that there is. */
  get hear() {
    const { hear } = this.settings;
    if (this.available.includes(hear)) return hear;
    if (hear === "msbg_aided" && this.available.includes("aided")) return "aided";
    return hear === "reference_aided" && this.available.includes("reference") ? "reference" : "remix";
  }

  /** The bus whose tracks the lanes stand for. */
  get laneBus() {
    return MODES[this.hear].bus === "reference" ? "reference" : "remix";
  }

  /** The ears that are simulated live, by row: none in what MSBG has rendered. */
  get simulatedEars() {
    return isRendered(this.hear) || !this.song?.hearing_url ? [false, false] : Simulation.ears(this.settings.simulation);
  }

  /** Whether MSBG's rendering was made with other gains, another master or other settings beside them. */
  get isStale() {
    const { msbg } = this.song;
    if (!msbg) return false;
    const then = sanitise(msbg, this.names);
    const same = (name, ear) => earFactor(then, name, ear) === earFactor(this.settings, name, ear);
    const gains = this.names.every((name) => EARS.every((ear) => same(name, ear)));
    return msbg.stale || !gains || then.master_db !== this.settings.master_db;
  }

  apply(settings) {
    const before = this.loudnessNow;
    this.settings = sanitise(settings, this.names);
    this.#soften(before, this.loudness);
    this.#applyAll();
    this.#loadHeard();
    this.#tell("settings");
  }

  setGain(name, ear, value) {
    const lane = this.settings.gains[name];
    const ears = lane.linked || ear === "both" ? EARS : [ear];
    for (const each of ears) lane[each] = gain(value, lane[each]);
    this.#gainsChanged();
  }

  setLinked(name, linked) {
    const lane = this.settings.gains[name];
    lane.linked = linked;
    if (linked) lane.right = lane.left;
    this.#gainsChanged();
  }

  setMute(name, mute) {
    this.settings.gains[name].mute = mute;
    this.#gainsChanged();
  }

  setSolo(name, solo) {
    this.settings.gains[name].solo = solo;
    this.#gainsChanged();
  }

  setMaster(value) {
    this.settings.master_db = gain(value, this.settings.master_db) ?? this.settings.master_db;
    this.#gainsChanged();
  }

  setLimiter(on) {
    this.settings.limiter = on;
    this.graph?.limit(on);
    this.#tell("settings");
  }

  setHear(mode) {
    if (!this.available.includes(mode)) return;
    const before = this.loudnessNow;
    this.settings.hear = mode;
    this.#soften(before, this.loudness);
    this.#applyModes();
    this.#applySimulation(this.wait);
    this.#loadHeard();
    this.#tell("settings");
  }

  setSimulation(ears) {
    if (!SIMULATIONS.includes(ears)) return;
    const before = this.loudnessNow;
    this.settings.simulation = ears;
    this.simulation.forgive();
    if (!this.simulatedEars.every(Boolean)) this.#soften(before, this.loudness);
    this.#applySimulation(this.wait);
    this.#tell("settings");
  }

  setMatch(on) {
    const before = this.loudness;
    this.settings.match_loudness = on;
    this.#soften(before, this.loudness);
    this.#applyModes();
    this.#tell("settings");
  }

  #gainsChanged() {
    this.#applyGains();
    if (this.settings.match_loudness) this.#applyModes();
    this.#tell("settings");
  }

  #applyAll() {
    if (!this.graph) return;
    this.#applyGains();
    this.#applyModes();
    this.graph.limit(this.settings.limiter);
    this.#applySimulation(this.wait);
  }

  /** Simulate the ears that are wanted; resolves when it is so, or has failed. */
  async #applySimulation(wait = 0) {
    if (!this.graph?.hearing || !this.song.hearing_url) return;
    const { loading } = this.simulation;
    const applied = this.simulation.apply(this.graph.hearing, this.song.hearing_url, () => this.simulatedEars, wait);
    if (this.simulation.loading === loading) return applied;
    this.#tell("settings"); // it is getting ready
    await applied;
    return this.#tell("settings");
  }

  #applyGains() {
    if (this.graph) applyGains(this.graph, this.settings, (param, value) => this.#glide(param, value, GAIN_TAU));
  }

  #applyModes() {
    if (!this.graph) return;
    for (const [mode, { gain: node }] of Object.entries(this.graph.modes)) {
      this.#glide(node.gain, mode === this.hear ? this.matchFactor(mode) : 0, HEAR_TAU);
    }
  }

  #glide(param, value, tau) {
    const { state, currentTime } = this.context;
    if (state === "running" && this.playing) glide(param, value, currentTime + this.wait, tau);
    else {
      param.cancelScheduledValues(0); // nothing is heard: be there at once
      param.setValueAtTime(value, currentTime);
    }
  }

  // ---- transport ----------------------------------------------------------------------------------------------------

  get playing() {
    return Boolean(this.transport?.playing);
  }

  /** Frames a second of the song. */
  get rate() {
    return this.song?.rate ?? 0;
  }

  get frames() {
    return this.song?.frames ?? 0;
  }

  /** Frame of the song that is heard, or waits to be. */
  get position() {
    return this.transport ? this.transport.position : 0;
  }

  async play() {
    if (!this.isReady || this.playing) return;
    await Promise.all([this.context.resume(), this.simulation.loading?.done]);
    if (this.playing) return;
    this.interrupted = false;
    this.safety.begin();
    this.transport.play();
    this.#tell("transport");
  }

  pause() {
    this.transport?.pause();
    this.#tell("transport");
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(frame) {
    this.transport?.seek(frame);
    this.#tell("transport");
  }

  /** Set the loop's region in frames and turn it on; less than 10 ms turns it off. */
  setLoop(start, end) {
    const [low, high] = [start, end].map((frame) => Math.round(Math.min(Math.max(frame, 0), this.song.frames)));
    const long = Math.abs(high - low) >= this.song.rate / 100;
    this.loop = long ? { start: Math.min(low, high), end: Math.max(low, high), on: true } : { ...this.loop, on: false };
    this.#applyLoop();
  }

  setLooping(on) {
    this.loop = { ...this.loop, on };
    this.#applyLoop();
  }

  #applyLoop() {
    const { start, end, on } = this.loop;
    this.transport?.setLoop(on ? { start, end } : null);
    this.#tell("transport");
  }

  // ---- levels -------------------------------------------------------------------------------------------------------

  resetMeter() {
    this.graph?.limiter?.port.postMessage({ reset: true });
    this.meter = { ...this.meter, truePeak: 0, clips: 0 };
  }

  /** Analyse what is loaded; whoever asks later wins. */
  async #measureLoudness(signal) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const wanted = () => !signal.aborted && turn === this.turn;
    const { fir } = this.song;
    for (const bus of ["remix", "original", "reference", "msbg", "msbg_aided"]) {
      const buffers = this.graph.tracks.filter((track) => track.bus === bus).map((track) => track.buffer);
      if (!buffers.length) continue;
      const result = await analyse(buffers, ["remix", "reference"].includes(bus) ? fir : null, wanted);
      if (!wanted()) return;
      this.powers = { ...this.powers, [bus]: result };
      this.#applyModes();
      this.#tell("loudness");
    }
  }

  /** Integrated loudness of a mode with the present gains, LUFS, before master and limiter; NaN while unknown. */
  loudnessOf(mode) {
    const { bus, aided } = MODES[mode];
    const powers = this.powers[bus]?.[aided ? "aided" : "plain"];
    const tracks = this.graph ? this.graph.tracks.filter((track) => track.bus === bus) : [];
    if (!powers || powers.sounds !== tracks.length) return NaN;
    return powers.loudness(
      EARS.map((ear) => tracks.map(({ name }) => (name ? earFactor(this.settings, name, ear) : 1))),
    );
  }

  /** The factor, at most 1, that brings a mode down to the quietest one; 1 if loudness is not to be matched. */
  matchFactor(mode) {
    if (isRendered(mode)) return 1 / factor(this.song.msbg?.master_db ?? 0); // the master's gain is in it
    if (!this.settings.match_loudness) return 1;
    const own = this.loudnessOf(mode);
    const others = this.available.filter((each) => !isRendered(each)).map((each) => this.loudnessOf(each));
    const quietest = Math.min(...others.filter(Number.isFinite));
    return Number.isFinite(own) ? Math.min(1, factor(quietest - own)) : 1;
  }

  /** Integrated loudness of what is heard, before the limiter, LUFS. */
  get loudness() {
    const matched = 20 * Math.log10(this.matchFactor(this.hear));
    return this.loudnessOf(this.hear) + matched + this.settings.master_db;
  }

  // ---- rendering -----------------------------------------------------------------------------------------------------

  /**
   * Render what is heard, faster than it sounds and in time with the song.
   * @param {object} options
   * @param {string} options.hear a mode; the present one by default
   * @param {number} options.from first frame
   * @param {number} options.frames length
   * @returns {Promise<AudioBuffer>}
   */
  async render({ hear = this.hear, from = 0, frames = this.song.frames - from } = {}) {
    const { song, settings } = this;
    const tracks = this.graph.tracks.filter(({ bus }) => bus === MODES[hear].bus);
    const wanted = this.simulatedEars;
    let hearing = null;
    if (wanted.some(Boolean)) {
      await this.#applySimulation();
      if (this.simulation.failure) throw new LoadError(this.simulation.failure);
      hearing = { numbers: this.simulation.numbers, wanted };
    }
    return renderTracks(tracks, { song, settings, hear, from, frames, level: this.matchFactor(hear), hearing });
  }
}
