// The Web Audio graph, the same for the live context and for an OfflineAudioContext.
//
//   stem source -> splitter -> gain L, gain R -> (sum of all stems) = bus "remix" (and "reference": the true stems)
//   original    ------------------------------------------------- = bus "original"
//   MSBG's rendering of the remix ------------------------------- = bus "msbg" (and "msbg_aided")
//   bus -> delay of 110 samples            -> gain of the mode "original", "remix", "reference", ... \
//   bus -> NAL-R per ear (221-tap FIR)     -> gain of the mode "aided" or "reference_aided"      -> transport -> master
//   master gain -> simulated hearing or a delay, 280 samples (hearing.js)
//               -> limiter and master meter (worklet, 84 samples) -> destination (live: safety.js)
//
// NAL-R's linear-phase filter delays by 110 samples and simulated hearing by 280; the paths without them are delayed by as
// much, so everything is in time with everything else: switching is a crossfade of two gains. The modes run all the time.

import { HEARING_DELAY, Hearing } from "./hearing.js";
import { EARS } from "./settings.js";

export const FIR_DELAY = 110;
export const LOOKAHEAD = 84;
/** Time constants, s: of gains and of the crossfade between modes (95 % after 9 ms; the two gains add up to 1). */
export const GAIN_TAU = 0.005;
export const HEAR_TAU = 0.003;

const BUSES = ["original", "remix", "reference", "msbg", "msbg_aided"];

/** What each mode listens to: a bus, and whether the listener's amplification is on (MSBG's rendering has it in it). */
export const MODES = {
  original: { bus: "original", aided: false },
  remix: { bus: "remix", aided: false },
  aided: { bus: "remix", aided: true },
  reference: { bus: "reference", aided: false },
  reference_aided: { bus: "reference", aided: true },
  msbg: { bus: "msbg", aided: false },
  msbg_aided: { bus: "msbg_aided", aided: false },
};

/** Whether a mode is a rendering of what the listener hears: its gains, master and amplification are in it. */
export const isRendered = (mode) => mode.startsWith("msbg");

/** Move an AudioParam to a value smoothly, from wherever it is now. */
export function glide(param, value, time, tau) {
  param.cancelScheduledValues(time);
  param.setTargetAtTime(value, time, tau);
}

/** Seconds that Web Audio turns back into exactly `frame` samples (no rounding to a neighbour, no interpolation). */
export function seconds(frame, rate) {
  let time = frame / rate;
  const ulp = Math.max(time, 1e-6) * Number.EPSILON;
  for (let step = 1; time * rate !== frame && step < 8; step++) {
    time = frame / rate + (step % 2 ? 1 : -1) * Math.ceil(step / 2) * ulp;
  }
  return time;
}

export class Graph {
  /**
   * @param {BaseAudioContext} context
   * @param {boolean} worklet whether the module limiter.worklet.js was added to the context
   * @param {boolean} limiter whether the limiter is on at first
   * @param {?AudioNode} destination where the mix goes; null: nowhere yet
   */
  constructor(context, worklet, limiter = false, destination = context.destination) {
    this.context = context;
    this.tracks = [];
    this.fir = null;
    this.buses = Object.fromEntries(BUSES.map((name) => [name, context.createChannelMerger(2)]));
    this.transport = context.createGain();
    this.master = context.createGain();
    this.transport.connect(this.master);
    const options = { outputChannelCount: [2], processorOptions: { limiter } };
    this.limiter = worklet ? new AudioWorkletNode(context, "cadenza-limiter", options) : null;
    this.output = this.limiter ?? this.master;
    this.hearing = this.limiter ? new Hearing(context, this.master, this.limiter) : null;
    if (destination) this.output.connect(destination);
    this.latency = FIR_DELAY + (this.limiter ? HEARING_DELAY + LOOKAHEAD : 0);
    this.modes = {};
    for (const [mode, { bus, aided }] of Object.entries(MODES)) {
      if (aided) continue;
      const delay = context.createDelay(1);
      delay.delayTime.value = FIR_DELAY / context.sampleRate;
      this.modes[mode] = { gain: this.#modeGain(), nodes: [delay] };
      this.buses[bus].connect(delay).connect(this.modes[mode].gain);
    }
  }

  #modeGain() {
    const gain = this.context.createGain();
    gain.gain.value = 0;
    gain.connect(this.transport);
    return gain;
  }

  /** Replace the amplification: `{left: [...], right: [...]}`, at most 221 taps each, or null for none. */
  setFir(fir) {
    const old = Object.keys(MODES).filter((mode) => MODES[mode].aided && this.modes[mode]);
    for (const mode of old) this.#retire(mode);
    this.fir = fir;
    if (!fir) return;
    for (const [mode, { bus, aided }] of Object.entries(MODES)) {
      if (aided) this.modes[mode] = this.#aidedPath(bus, fir);
    }
  }

  #aidedPath(bus, fir) {
    const splitter = this.context.createChannelSplitter(2);
    const merger = this.context.createChannelMerger(2);
    const nodes = [splitter, merger];
    this.buses[bus].connect(splitter);
    EARS.forEach((ear, row) => {
      const convolver = earConvolver(this.context, fir[ear]);
      splitter.connect(convolver, row);
      convolver.connect(merger, 0, row);
      nodes.push(convolver);
    });
    const gain = this.#modeGain();
    merger.connect(gain);
    return { gain, nodes, bus };
  }

  /** Fade an aided path out and take it apart once it is silent. */
  #retire(mode) {
    const { gain, nodes, bus } = this.modes[mode];
    delete this.modes[mode];
    glide(gain.gain, 0, this.context.currentTime, HEAR_TAU);
    setTimeout(() => {
      this.buses[bus].disconnect(nodes[0]);
      gain.disconnect();
    }, 200);
  }

  /** Add a sound that takes part in a bus; `name` tells whose gains it follows (null: the original, none). */
  addTrack(bus, name, buffer) {
    const splitter = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
    const track = { bus, name, buffer, input: this.context.createGain(), ears: {} };
    track.input.channelCount = 2;
    track.input.channelCountMode = "explicit"; // mono goes to both ears
    track.input.connect(splitter);
    EARS.forEach((ear, row) => {
      const gain = this.context.createGain();
      splitter.connect(gain, row);
      gain.connect(this.buses[bus], 0, row);
      track.ears[ear] = gain;
    });
    this.tracks.push(track);
    return track;
  }

  /** Take all tracks away, or those of one bus. */
  removeTracks(bus = null) {
    const gone = this.tracks.filter((track) => !bus || track.bus === bus);
    for (const track of gone) for (const ear of EARS) track.ears[ear].disconnect();
    this.tracks = this.tracks.filter((track) => !gone.includes(track));
  }

  /**
   * Start a source for every track at one context frame.
   * @param {number} at context frame, whole
   * @param {number} from frame of the song
   * @param {?{start: number, end: number}} loop in frames; null plays to the end
   */
  startSources(at, from, loop) {
    const rate = this.context.sampleRate;
    return this.tracks.map((track) => {
      const source = this.context.createBufferSource();
      source.buffer = track.buffer;
      if (loop) {
        source.loop = true;
        source.loopStart = seconds(loop.start, rate);
        source.loopEnd = seconds(loop.end, rate);
      }
      source.connect(track.input);
      source.start(seconds(at, rate), seconds(from, rate));
      return source;
    });
  }

  limit(on) {
    this.limiter?.port.postMessage({ limiter: on });
  }
}

/** A ConvolverNode with exactly these taps, centred on a delay of 110 samples. */
export function earConvolver(context, taps) {
  const lead = FIR_DELAY - (taps.length - 1) / 2;
  if (!Number.isInteger(lead) || lead < 0) {
    throw new Error(`The amplification has ${taps.length} taps; an odd number up to ${2 * FIR_DELAY + 1} is accepted.`);
  }
  const buffer = context.createBuffer(1, lead + taps.length, context.sampleRate);
  buffer.getChannelData(0).set(taps, lead);
  return new ConvolverNode(context, {
    buffer,
    disableNormalization: true,
    channelCount: 1,
    channelCountMode: "explicit",
  });
}
