// The keyboard: one table, which is also what the help shows.

import { EARS } from "./settings.js";

const PATIENCE = 2000; // ms between M or S and the digit of its lane

/** Commands: keys as shown, what they do, and the doing; `view` is the View. */
export const KEYMAP = [
  { keys: ["Space"], does: "play or pause", run: ({ engine }) => engine.toggle() },
  { keys: ["←", "→"], events: ["ArrowLeft", "ArrowRight"], does: "back, forward 5 s (Shift: 1 s)", run: jump },
  {
    keys: ["Home"],
    does: "to the start (of the loop, if it is on)",
    run: ({ engine }) => engine.seek(engine.loop.on ? engine.loop.start : 0),
  },
  { keys: ["L"], does: "loop on or off", run: (view) => view.toggleLoop() },
  { keys: ["[", "]"], does: "loop starts, ends here", run: ({ engine }, event) => bound(engine, event.key) },
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
  {
    keys: ["<", ">"],
    events: ["<", ">", ",", "."],
    does: "listening volume down, up by 3 dB",
    run: ({ engine }, event) => engine.setVolume(engine.safety.db + (">.".includes(event.key) ? 3 : -3)),
  },
  {
    keys: ["+", "−"],
    events: ["+", "=", "-", "−"],
    does: "zoom in, out",
    run: ({ timeline }, event) => timeline.zoom("+=".includes(event.key) ? 2 : 0.5),
  },
  { keys: ["F"], does: "follow the playhead", run: (view) => view.toggleFollow() },
  { keys: ["?"], does: "this help (Escape closes it)", run: (view) => view.showHelp() },
];

function jump({ engine }, event) {
  if (!engine.song) return;
  const seconds = (event.shiftKey ? 1 : 5) * (event.key === "ArrowLeft" ? -1 : 1);
  engine.seek(engine.position + seconds * engine.song.rate);
}

function bound(engine, key) {
  const { start, end } = engine.loop;
  const here = engine.position;
  if (key === "[") engine.setLoop(here, end > here ? end : engine.song.frames);
  else engine.setLoop(start < here ? start : 0, here);
}

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

/** Whether a key pressed on this element belongs to the element: text being typed, a button about to be pressed. */
function taken(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (
    target.isContentEditable ||
    target.matches("textarea, select, input:not([type=range], [type=radio], [type=checkbox])")
  )
    return true;
  const pressed = event.key === " " || event.key === "Enter";
  if (
    pressed &&
    target.matches("button, a, summary, input[type=checkbox], input[type=radio], [role=button], [role=tab]")
  )
    return true;
  const arrow = event.key.startsWith("Arrow") || event.key === "Home";
  return (
    arrow &&
    (target.matches("input[type=radio]") ||
      Boolean(target.closest("[role=slider]:not(.ruler), [role=listbox], [role=tablist], [role=menu], [role=grid]")))
  );
}

/** Answer the keys of the whole page while the mixer is on it; gives a function that stops. */
export function listen(view) {
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    if (!view.root.isConnected || (!view.help.open && document.querySelector("[role=dialog]"))) return;
    if (view.help.open) return;
    if (/^[1-9]$/.test(event.key)) digit(view, event);
    else {
      const name = event.key === " " ? "Space" : event.key;
      const upper = name.length === 1 ? name.toUpperCase() : name;
      const command = KEYMAP.find(
        ({ keys, events, run }) => run && (events ?? keys).some((key) => key === upper || key === name),
      );
      if (!command || !view.engine.song) return;
      command.run(view, event);
    }
    event.preventDefault();
    event.stopImmediatePropagation(); // the page has single keys of its own
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
