// The keyboard: one table, which is also what the help shows.

import { COMMON, commandOf, isPlain, jump, taken } from "./keyboard.js";
import { EARS } from "./settings.js";

const PATIENCE = 2000; // ms between M or S and the digit of its lane

export const KEYMAP = [
  COMMON.play,
  { ...jump(5, 1), does: "back, forward 5 s (Shift: 1 s)" },
  COMMON.start,
  COMMON.loop,
  COMMON.bounds,
  { keys: ["1 … 9"], does: "to the gain of that lane; then ↑ ↓ by 0.5 dB, Shift by 0.1, Page by 3, Home 0 dB" },
  {
    keys: ["M", "S"],
    does: "then a digit: mute, solo that lane (inside a lane: at once)",
    run: (view, event) => arm(view, event),
  },
  { keys: ["A"], does: "hear the original", run: (view) => view.hear("original") },
  {
    keys: ["B"],
    does: "hear the remix as it was last (plain, aided or reference)",
    run: (view) => view.hear(view.lastRemix),
  },
  { keys: ["H"], does: "hear the next of all", run: (view) => view.hearNext() },
  {
    keys: ["E"],
    does: "hear as the listener does, live: both ears, left, right, off",
    run: (view) => view.simulateNext(),
  },
  { keys: ["N"], does: "match loudness", run: ({ engine }) => engine.setMatch(!engine.settings.match_loudness) },
  { keys: ["T"], does: "limiter on or off", run: ({ engine }) => engine.setLimiter(!engine.settings.limiter) },
  COMMON.volume,
  {
    keys: ["+", "−"],
    events: ["+", "=", "-", "−"],
    does: "zoom in, out",
    run: ({ timeline }, event) => timeline.zoom("+=".includes(event.key) ? 2 : 0.5),
  },
  { keys: ["F"], does: "follow the playhead", run: (view) => view.toggleFollow() },
  COMMON.help,
];

function arm(view, event) {
  const letter = event.key.toLowerCase();
  const lane = event.composedPath().find((element) => element.dataset?.lane)?.dataset.lane;
  if (lane) {
    toggleLane(view.engine, letter, lane);
    return;
  }
  view.armed = { letter, until: event.timeStamp + PATIENCE };
  view.say(`${letter === "m" ? "Mute" : "Solo"}: which lane? Press its digit.`);
}

function toggleLane(engine, letter, name) {
  const lane = engine.settings.gains[name];
  if (letter === "m") engine.setMute(name, !lane.mute);
  else engine.setSolo(name, !lane.solo);
}

function digit(view, event) {
  const lane = view.lanes[Number(event.key) - 1];
  const armed = view.armed && event.timeStamp < view.armed.until ? view.armed : null;
  view.armed = null;
  if (!lane) return;
  if (armed) toggleLane(view.engine, armed.letter, lane.lane.name);
  else lane.faders[EARS.indexOf("left")].slider.focus();
}

/** Answer the keys of the whole page while the mixer is on it; gives a function that stops. */
export function listen(view) {
  const onKey = (event) => {
    if (!isPlain(event) || taken(event)) return;
    if (!view.root.isConnected || (!view.help.open && document.querySelector("[role=dialog]"))) return;
    if (view.help.open) return;
    if (/^[1-9]$/.test(event.key)) digit(view, event);
    else {
      const command = commandOf(KEYMAP, event);
      if (!command || !view.engine.song) return;
      command.run(view, event);
    }
    event.preventDefault();
    event.stopImmediatePropagation(); // the page has single keys of its own
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
