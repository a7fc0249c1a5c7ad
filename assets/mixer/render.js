// Set a graph up by the settings, for the live context and for rendering without one.

import { FIR_DELAY, Graph, LOOKAHEAD, MODES } from "./graph.js";
import { HEARING_DELAY, addHearing } from "./hearing.js";
import { EARS, earFactor, factor } from "./settings.js";

/** Time that the filters of simulated hearing need before a part of a song, s. */
const HEARING_LEAD = 0.5;
const WORKLET = new URL("./limiter.worklet.js", import.meta.url).href;

/** Bring limiter and master meter to a context; false where there are no worklets (neither https nor localhost). */
export async function addLimiter(context) {
  try {
    await context.audioWorklet.addModule(WORKLET);
    return true;
  } catch {
    return false;
  }
}

/** Set every gain of a graph by `set(param, value)`. */
export function applyGains(graph, settings, set) {
  for (const { name, ears } of graph.tracks) {
    for (const ear of EARS) set(ears[ear].gain, name ? earFactor(settings, name, ear) : 1);
  }
  set(graph.master.gain, factor(settings.master_db));
}

/**
 * Render tracks of one bus as the mode `hear`; the delays are compensated.
 * @param {object[]} tracks
 * @param {object} options
 * @param {number} options.level factor of the mode
 * @param {?{numbers: object, wanted: boolean[]}} options.hearing what is simulated, if anything
 */
export async function renderTracks(tracks, { song, settings, hear, from, frames, level, hearing }) {
  const memory = hearing ? Math.round(HEARING_LEAD * song.rate) : 2 * FIR_DELAY + LOOKAHEAD;
  const lead = Math.min(from, memory);
  const context = new OfflineAudioContext(2, lead + frames + FIR_DELAY + HEARING_DELAY + LOOKAHEAD, song.rate);
  const graph = new Graph(context, await addLimiter(context), settings.limiter);
  if (MODES[hear].aided) graph.setFir(song.fir);
  if (hearing) {
    await addHearing(context);
    graph.hearing.use(hearing.numbers, hearing.wanted);
  }
  for (const { bus, name, buffer } of tracks) graph.addTrack(bus, name, buffer);
  applyGains(graph, settings, (param, value) => (param.value = value));
  graph.modes[hear].gain.gain.value = level;
  graph.startSources(0, from - lead, null);
  const rendered = await context.startRendering();
  const result = new AudioBuffer({ numberOfChannels: 2, length: frames, sampleRate: song.rate });
  const skip = graph.latency + lead;
  EARS.forEach((_, row) => result.copyToChannel(rendered.getChannelData(row).subarray(skip, skip + frames), row));
  return result;
}
