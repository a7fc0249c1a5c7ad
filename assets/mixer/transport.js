// Start, stop, seek and loop. All sources of a "take" start at one context frame that still lies ahead; a seek or a new
// loop is a new take that begins on the very sample on which the old one ends. So nothing can drift apart.
//
// If the page was stalled and the frame has passed before every source was told, the take is taken back and tried again
// further ahead: sources that start late would each start at a block of their own.

import { glide } from "./graph.js";

const AHEAD = 0.02; // s between a command and its first sample; the fade out fits in
const QUANTUM = 128; // frames that a graph renders at once
const FADE_TAU = 0.0015; // s
const PATIENCE = 6; // attempts, each twice as far ahead as the last

/** What a user reads when the sound was stopped by something else than the page. */
export const INTERRUPTED =
  "The sound was interrupted: by another program, an unplugged device or sleep. Nothing is lost; press Play to go on.";

/**
 * Call back when the browser stops a context by itself: a call comes in ("interrupted"), the machine sleeps, the sound card
 * goes. Its time stands still then, and it may go on at any moment: nothing should sound without somebody asking for it.
 */
export function onInterruption(context, callback) {
  context.addEventListener("statechange", () => context.state !== "running" && callback());
  context.addEventListener("error", () => callback()); // the device is gone
}

export class Transport {
  /** @param {() => void} ended called when the song has come to its end */
  constructor(graph, frames, ended) {
    this.graph = graph;
    this.context = graph.context;
    this.frames = frames;
    this.ended = ended;
    this.rest = 0; // position while not playing
    this.loop = null; // {start, end} in frames, if looping
    this.takes = []; // the one that sounds, and perhaps the one about to
    this.loud = 1;
  }

  get playing() {
    return this.takes.length > 0;
  }

  get now() {
    return Math.round(this.context.currentTime * this.context.sampleRate);
  }

  /** The frame of the song that comes out of the graph now. */
  get position() {
    if (!this.playing) return this.rest;
    const frame = this.now - this.graph.latency;
    const take = this.takes.findLast((each) => each.at <= frame) ?? this.takes[0];
    return this.#frameOf(take, Math.max(frame, take.at));
  }

  #frameOf(take, contextFrame) {
    const frame = take.from + contextFrame - take.at;
    if (!take.loop || frame < take.loop.end) return Math.min(frame, this.frames);
    const { start, end } = take.loop;
    return start + ((frame - start) % (end - start));
  }

  play() {
    if (this.playing) return;
    if (this.rest >= this.frames) this.rest = 0;
    this.graph.transport.gain.cancelScheduledValues(0);
    this.graph.transport.gain.value = 0;
    const at = this.#take(() => this.rest);
    this.#fadeIn(at, this.takes[0].from === 0);
  }

  /** Stop and keep the position that was heard last. */
  pause() {
    if (!this.playing) return;
    this.rest = this.position;
    const time = this.context.currentTime;
    glide(this.graph.transport.gain, 0, time, FADE_TAU);
    for (const take of this.takes) this.#end(take, time + AHEAD);
    this.takes = [];
  }

  /** Go to a frame; while playing with a short dip, for two unrelated moments would click. */
  seek(frame) {
    const target = Math.min(Math.max(Math.round(frame), 0), this.frames);
    if (!this.playing) {
      this.rest = target;
      return;
    }
    glide(this.graph.transport.gain, 0, this.context.currentTime, FADE_TAU);
    this.#fadeIn(
      this.#take(() => target),
      false,
    );
  }

  /** Loop over a region of frames, or over nothing (null); while playing without a gap. */
  setLoop(loop) {
    this.loop = loop;
    this.splice();
  }

  /** Begin a new take exactly where the present one is by then: for a new loop, or for sounds that have come in. */
  splice() {
    if (!this.playing) return;
    const last = this.takes.at(-1);
    this.#take((at) => this.#frameOf(last, Math.max(at, last.at)));
  }

  #fadeIn(at, whole) {
    // The sound comes out of the delays later than its sources start; at the very beginning nothing is faded.
    const time = (at + this.graph.latency) / this.context.sampleRate;
    const { gain } = this.graph.transport;
    if (whole) gain.setValueAtTime(1, at / this.context.sampleRate);
    else gain.setTargetAtTime(1, time, FADE_TAU);
  }

  #take(fromAt) {
    const rate = this.context.sampleRate;
    // The output is rendered one buffer at a time, in a burst: what lies in the next one may be passed at any moment.
    const margin = QUANTUM + Math.ceil((this.context.baseLatency ?? 0) * rate);
    let ahead = AHEAD + margin / rate;
    for (let attempt = 1; ; attempt++) {
      const at = Math.max(this.now + Math.round(ahead * rate), this.takes.at(-1)?.at ?? 0);
      const loop = this.loop && { ...this.loop };
      let from = fromAt(at);
      if (loop && from >= loop.end) from = loop.start;
      const take = { at, from, loop, sources: this.graph.startSources(at, Math.min(from, this.frames), loop) };
      if (this.now + margin < at || attempt === PATIENCE) {
        for (const old of this.takes) this.#end(old, at / rate);
        this.takes = [...this.takes.filter((old) => old.at < at).slice(-1), take];
        if (take.sources[0]) take.sources[0].onended = () => this.#finished(take);
        return at;
      }
      for (const source of take.sources) {
        source.stop();
        source.disconnect();
      }
      ahead *= 2;
    }
  }

  #end(take, time) {
    if (take.ended) return; // told before: a second time would move its end
    take.ended = true;
    for (const source of take.sources) {
      source.onended = () => source.disconnect();
      source.stop(time);
    }
  }

  #finished(take) {
    if (this.takes.at(-1) !== take) return;
    this.takes = [];
    this.rest = 0;
    this.ended();
  }
}
