// Switch between sounds that are mixed already: all of them run all the time, from one context time, and what is heard is
// a crossfade of gains. So switching has no gap, keeps the place, and cannot tell by timing which sound is which.
//
// It knows no DOM; views listen to its events: "load" (progress, errors, readiness), "transport", "select", "volume" and "log".
// Loading, starting, seeking and looping are the mixer's (../mixer/loader.js, ../mixer/transport.js), and so is what keeps the
// ear safe: the limiter that holds the ceiling, the volume that starts low, no sudden rise (../mixer/safety.js). Below the
// ceiling the limiter lets samples pass bit for bit, so it cannot colour a comparison.

import { LOOKAHEAD, glide, seconds } from "../mixer/graph.js";
import { LoadError, loadSounds } from "../mixer/loader.js";
import { addLimiter } from "../mixer/render.js";
import { START_DB, Safety } from "../mixer/safety.js";
import { decibels, factor } from "../mixer/settings.js";
import { INTERRUPTED, Transport, onInterruption } from "../mixer/transport.js";

/** Time constant of the crossfade, s: 95 % after 9 ms; the two gains add up to 1 at every moment. */
export const SWITCH_TAU = 0.003;
const SHORTEST_LOOP = 0.01; // s

/** What the transport plays: a source and a gain for each sound, all into one, and through the limiter to `safety`. */
class Graph {
  constructor(context, worklet, safety) {
    this.context = context;
    this.tracks = [];
    this.transport = context.createGain();
    const options = { outputChannelCount: [2], processorOptions: { limiter: false } };
    this.limiter = worklet ? new AudioWorkletNode(context, "cadenza-limiter", options) : null;
    this.latency = worklet ? LOOKAHEAD : 0;
    this.output = this.limiter ?? this.transport;
    if (this.limiter) this.transport.connect(this.limiter);
    safety.connect(this.limiter, this.transport);
  }

  addTrack(id, buffer) {
    const gain = new GainNode(this.context, { gain: 0 });
    gain.connect(this.transport);
    this.tracks.push({ id, buffer, gain });
  }

  removeTracks() {
    for (const { gain } of this.tracks) gain.disconnect();
    this.tracks = [];
  }

  startSources(at, from, loop) {
    const rate = this.context.sampleRate;
    return this.tracks.map(({ buffer, gain }) => {
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      if (loop) {
        source.loop = true;
        source.loopStart = seconds(loop.start, rate);
        source.loopEnd = seconds(loop.end, rate);
      }
      source.connect(gain);
      source.start(seconds(at, rate), seconds(from, rate));
      return source;
    });
  }
}

export class PlayerEngine extends EventTarget {
  constructor() {
    super();
    this.data = null; // what load() was given
    this.selected = null; // id of the sound that is heard
    this.matched = true;
    this.loop = { start: 0, end: 0, on: false };
    this.states = new Map(); // id -> {state, fraction, message}
    this.loaded = false;
    this.interrupted = false;
    this.log = { plays: {}, heard_s: {}, switches: [] };
    this.safety = null; // volume, ceiling: made with the context
    this.limiterMissing = false;
    this.reduction = 1; // factor by which the ceiling holds peaks down now
    this.levels = {};
    this.db = START_DB; // of the volume
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }

  // ---- the sounds ---------------------------------------------------------------------------------------------------

  get sounds() {
    return this.data?.sounds ?? [];
  }

  /**
   * Take sounds of one length.
   * @param {object} data
   * @param {string} data.key another key: other sounds
   * @param {{id: string, label: string, url: string, level_db: number, plain_db: ?number}[]} data.sounds 0 dB or less
   * @param {number} data.rate Hz
   * @param {number} data.frames
   * @param {?number} data.loudness LUFS of each sound once it is lowered by its level_db
   */
  async load(data) {
    const samePlace = this.data && this.data.frames === data.frames && this.data.place === data.place;
    const rest = samePlace ? this.position : 0;
    const before = this.selected;
    const fading = this.playing;
    this.#account();
    this.transport?.pause();
    this.loading?.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.data = data;
    this.loaded = false;
    this.log = { plays: {}, heard_s: {}, switches: [] };
    this.states = new Map(data.sounds.map(({ id }) => [id, { state: "loading", fraction: 0 }]));
    this.selected = data.sounds.some(({ id }) => id === before) ? before : (data.sounds[0]?.id ?? null);
    if (!samePlace) this.loop = { start: 0, end: data.frames, on: false };
    const ready = this.#prepare(data.rate);
    this.#tell("load");
    if (fading) await new Promise((done) => setTimeout(done, 30)); // let the old ones fade out before they go
    await ready;
    if (signal.aborted) return;
    this.graph.removeTracks();
    this.transport = new Transport(this.graph, data.frames, () => this.#ended());
    this.transport.rest = rest;
    this.#applyLoop();
    await this.#fetch(data.sounds, signal);
  }

  #prepare(rate) {
    if (this.context?.sampleRate === rate) return this.ready;
    this.context?.close();
    const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.context = context;
    this.graph = null;
    this.safety = new Safety(context);
    this.safety.setVolume(this.db);
    this.setLevels(this.levels);
    onInterruption(context, () => context === this.context && this.#interrupt());
    this.ready = addLimiter(context).then((worklet) => {
      if (this.context !== context) return;
      this.limiterMissing = !worklet;
      this.graph = new Graph(context, worklet, this.safety);
      if (worklet) this.graph.limiter.port.onmessage = ({ data }) => (this.reduction = data.reduction);
    });
    return this.ready;
  }

  /** Something else than the page has stopped the sound. */
  #interrupt() {
    if (!this.playing) return;
    this.interrupted = true;
    this.pause();
    this.#tell("load");
  }

  async #fetch(items, signal) {
    const results = await loadSounds(this.context, items, {
      frames: this.data.frames,
      signal,
      progress: (index, fraction) => {
        if (signal.aborted) return;
        this.states.set(items[index].id, { state: "loading", fraction });
        this.#tell("load");
      },
    });
    if (signal.aborted) return;
    results.forEach(({ status, value, reason }, index) => {
      const { id, label } = items[index];
      const message = reason instanceof LoadError ? reason.message : `${label} could not be loaded.`;
      this.states.set(id, status === "fulfilled" ? { state: "ready" } : { state: "failed", message });
      if (status === "fulfilled") this.graph.addTrack(id, value);
    });
    this.loaded = true;
    this.#applyGains({ now: true });
    this.transport.splice();
    this.#tell("load");
  }

  /** Fetch once more what failed. */
  retry() {
    const failed = this.sounds.filter(({ id }) => this.states.get(id).state === "failed");
    for (const { id } of failed) this.states.set(id, { state: "loading", fraction: 0 });
    this.loaded = false;
    this.#tell("load");
    return this.#fetch(failed, this.loading.signal);
  }

  /** Ready to play: every sound has come or failed, and one at least has come. */
  get isReady() {
    return this.loaded && this.graph.tracks.length > 0;
  }

  get failures() {
    const failed = [...this.states.values()].filter(({ state }) => state === "failed").map(({ message }) => message);
    return this.interrupted ? [INTERRUPTED, ...failed] : failed;
  }

  get share() {
    const all = [...this.states.values()];
    return all.reduce((sum, { state, fraction }) => sum + (state === "loading" ? fraction : 1), 0) / (all.length || 1);
  }

  // ---- which is heard -----------------------------------------------------------------------------------------------

  /** Hear another sound, at the same place, without a gap. */
  select(id) {
    if (id === this.selected || this.states.get(id)?.state !== "ready") return;
    this.#account();
    if (this.playing) {
      this.log.switches.push({ at_ms: Math.round(performance.now()), position_s: this.seconds, from: this.selected, to: id });
    }
    const before = this.#raised;
    this.selected = id;
    if (this.playing) this.#count(id);
    this.#applyGains({ rise: this.#raised - before });
    this.#tell("select");
    this.#tell("log");
  }

  /** Loudness matched (each sound lowered by its level_db), or all as they are. */
  setMatched(on) {
    const before = this.#raised;
    this.matched = on;
    this.#applyGains({ rise: this.#raised - before });
    this.#tell("select");
  }

  /** By how much what is heard is louder than with matched loudness, dB. */
  get #raised() {
    const sound = this.sounds.find(({ id }) => id === this.selected);
    return sound ? decibels(this.factor(sound.id)) - sound.level_db : 0;
  }

  /** What a sound is multiplied by: at most 1. */
  factor(id) {
    const { level_db: level, plain_db: plain = 0 } = this.sounds.find((sound) => sound.id === id);
    return 10 ** (Math.min(0, this.matched ? level : plain) / 20);
  }

  /** @param {{rise: number, now: boolean}} options by how much it becomes louder, dB: a jump comes in slowly */
  #applyGains({ rise = 0, now = false } = {}) {
    if (!this.graph) return;
    const time = this.context.currentTime + (this.playing ? this.safety.soften(rise) : 0);
    for (const { id, gain } of this.graph.tracks) {
      const value = id === this.selected ? this.factor(id) : 0;
      if (this.playing && !now) glide(gain.gain, value, time, SWITCH_TAU);
      else {
        gain.gain.cancelScheduledValues(0); // nothing is heard: be there at once
        gain.gain.setValueAtTime(value, this.context.currentTime);
      }
    }
  }

  // ---- how loud it may be -------------------------------------------------------------------------------------------

  /** What full scale is at the ear, and what peaks may be there, dB SPL. */
  setLevels({ calibration_db_spl = 100, ceiling_db_spl = 100 }) {
    this.levels = { calibration_db_spl, ceiling_db_spl };
    this.safety?.setLevels(calibration_db_spl, ceiling_db_spl);
    this.#tell("volume");
  }

  setVolume(db) {
    this.db = db;
    this.safety?.setVolume(db);
    this.#tell("volume");
  }

  /** What all of it is multiplied by. */
  get volume() {
    return factor(this.safety?.db ?? this.db);
  }

  /** Average sound level at the ear of what is heard at this volume, dB SPL; NaN while unknown. */
  get levelAtEar() {
    return this.safety ? this.safety.levelOf((this.data?.loudness ?? NaN) + this.#raised) : NaN;
  }

  // ---- transport ----------------------------------------------------------------------------------------------------

  get playing() {
    return Boolean(this.transport?.playing);
  }

  /** Frames a second. */
  get rate() {
    return this.data?.rate ?? 0;
  }

  get frames() {
    return this.data?.frames ?? 0;
  }

  /** Frame that is heard, or waits to be. */
  get position() {
    return this.transport ? this.transport.position : 0;
  }

  get seconds() {
    return this.data ? Math.round((1000 * this.position) / this.data.rate) / 1000 : 0;
  }

  async play() {
    if (!this.isReady || this.playing) return;
    await this.context.resume();
    if (this.interrupted) {
      this.interrupted = false;
      this.#tell("load");
    }
    this.#applyGains({ now: true });
    this.safety.begin();
    this.transport.play();
    this.since = this.context.currentTime;
    this.#count(this.selected);
    this.#tell("transport");
    this.#tell("log");
  }

  pause() {
    this.#account();
    this.transport?.pause();
    this.#tell("transport");
    this.#tell("log");
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(frame) {
    this.transport?.seek(frame);
    this.#tell("transport");
  }

  #ended() {
    this.#account(true);
    this.#tell("transport");
    this.#tell("log");
  }

  /** Set the loop's region in frames and turn it on; next to nothing turns it off. */
  setLoop(start, end) {
    const { frames, rate } = this.data;
    const [low, high] = [start, end].map((frame) => Math.round(Math.min(Math.max(frame, 0), frames))).sort((a, b) => a - b);
    const long = high - low >= rate * SHORTEST_LOOP;
    this.loop = long ? { start: low, end: high, on: true } : { ...this.loop, on: false };
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

  // ---- what was heard -----------------------------------------------------------------------------------------------

  #count(id) {
    this.log.plays[id] = (this.log.plays[id] ?? 0) + 1;
  }

  /** Add the time since the last change to the sound that was heard. */
  #account(ended = false) {
    if ((!this.playing && !ended) || this.since === undefined) return;
    const now = this.context.currentTime;
    this.log.heard_s[this.selected] = Math.round(1000 * ((this.log.heard_s[this.selected] ?? 0) + now - this.since)) / 1000;
    this.since = ended ? undefined : now;
  }

  /** How often and how long each sound was heard, and every switch: plain data. */
  report() {
    this.#account();
    return structuredClone({ selected: this.selected, matched: this.matched, ...this.log });
  }
}
