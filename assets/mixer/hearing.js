// Simulated hearing in the graph: the mix passes by it (late by as much as it takes), or through it, for each ear. What it
// computes is in hearing.worklet.js, the numbers come from the server (cadenza_core/hearing/live.py), both when first wanted.

import { LoadError } from "./loader.js";
import { EARS } from "./settings.js";

/** What simulated hearing delays by, samples. */
export const HEARING_DELAY = 280;
/** Time in which its filters fill before it is heard, s. */
const WARM_UP = 0.03;
/** Time constant of switching, s. */
const TAU = 0.003;
const GONE = 200; // ms after which a switch is surely over

const WORKLET = new URL("./hearing.worklet.js", import.meta.url).href;

/** Bring the worklet to a context. */
export async function addHearing(context) {
  try {
    await context.audioWorklet.addModule(WORKLET);
  } catch {
    throw new LoadError("Simulated hearing could not be loaded: the server does not answer.");
  }
}

/** Fetch the numbers of a listener's ears: `{left, right}`. */
export async function fetchNumbers(url) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new LoadError("Simulated hearing could not be loaded: the server does not answer.");
  }
  if (!response.ok) throw new LoadError(`Simulated hearing could not be loaded: the server answered ${response.status}.`);
  return response.json();
}

export class Hearing {
  /**
   * @param {BaseAudioContext} context
   * @param {AudioNode} input the mix, stereo
   * @param {AudioNode} output where it goes, simulated or not
   */
  constructor(context, input, output) {
    this.context = context;
    this.input = input;
    this.output = output;
    this.dry = this.#ears(input, 1);
    const delay = context.createDelay(1);
    delay.delayTime.value = HEARING_DELAY / context.sampleRate;
    this.dry.output.connect(delay).connect(output);
    this.current = null; // {node, wet, wanted}: what simulates, if anything does
  }

  #ears(node, value) {
    const splitter = this.context.createChannelSplitter(2);
    const output = this.context.createChannelMerger(2);
    const gains = EARS.map((_, row) => {
      const gain = new GainNode(this.context, { gain: value });
      splitter.connect(gain, row).connect(output, 0, row);
      return gain.gain;
    });
    node.connect(splitter);
    return { splitter, gains, output };
  }

  /**
   * Simulate with these numbers from now on: no ear yet, or those that are wanted, at once. What was simulated before fades
   * out.
   * @param {{left: object, right: object}} numbers
   * @param {boolean[]} wanted by row
   */
  use({ left, right }, wanted = [false, false]) {
    this.#end();
    const options = { outputChannelCount: [2], processorOptions: { left, right, wanted } };
    const node = new AudioWorkletNode(this.context, "cadenza-hearing", options);
    this.input.connect(node);
    const wet = this.#ears(node, 0);
    wet.output.connect(this.output);
    this.current = { node, wet, wanted };
    wanted.forEach((on, row) => {
      if (on) [wet.gains[row].value, this.dry.gains[row].value] = [1, 0];
    });
  }

  #end() {
    if (!this.current) return;
    const { node, wet, timer } = this.current;
    clearTimeout(timer);
    this.current = null;
    for (const gain of wet.gains) this.#glide(gain, 0, 0);
    for (const gain of this.dry.gains) this.#glide(gain, 1, 0);
    setTimeout(() => {
      this.input.disconnect(node);
      wet.output.disconnect();
      node.port.postMessage({ over: true });
    }, GONE);
  }

  /**
   * Choose the ears that are simulated.
   * @param {boolean[]} wanted by row
   * @param {number} wait s before anything changes
   */
  choose(wanted, wait = 0) {
    if (!this.current) return;
    const { node, wet, wanted: before, timer } = this.current;
    if (String(wanted) === String(before)) return;
    clearTimeout(timer);
    node.port.postMessage({ wanted: wanted.map((on, row) => on || before[row]) }); // until it has faded out
    wanted.forEach((on, row) => {
      if (on === before[row]) return;
      const later = Math.max(wait, on ? WARM_UP : 0);
      this.#glide(wet.gains[row], on ? 1 : 0, later);
      this.#glide(this.dry.gains[row], on ? 0 : 1, later);
    });
    this.current.wanted = wanted;
    this.current.timer = setTimeout(() => node.port.postMessage({ wanted }), GONE + 1000 * wait);
  }

  #glide(gain, value, later) {
    const time = this.context.currentTime + later;
    gain.cancelScheduledValues(this.context.currentTime);
    gain.setTargetAtTime(value, time, TAU);
  }
}
