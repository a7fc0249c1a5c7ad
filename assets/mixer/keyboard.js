// What the keyboards of the mixer, the player and a listening test's trials have in common. Each has a table of its own, a
// KEYMAP: keys as shown, what they do, and the doing; it is also what the help shows.

const EDITED = "textarea, select, input:not([type=range], [type=radio], [type=checkbox])";
const PRESSED =
  "button, a, summary, input[type=checkbox], input[type=radio]:not(:checked), [role=button], [role=tab], [role=option]";
const MOVED =
  "input[type=radio], [role=slider]:not(.ruler), [role=listbox], [role=tablist], [role=menu], [role=grid], [role=radiogroup]";

/** Whether a key pressed here belongs to the element: text being typed, a button about to be pressed, a choice moved. */
export function taken(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.isContentEditable || target.matches(EDITED)) return true;
  if ((event.key === " " || event.key === "Enter") && target.matches(PRESSED)) return true;
  return (event.key.startsWith("Arrow") || event.key === "Home") && Boolean(target.closest(MOVED));
}

/** Whether a key is meant for single-key commands at all. */
export const isPlain = (event) => !(event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey);

/** Give the command of a key, if there is one. */
export function commandOf(keymap, event) {
  const name = event.key === " " ? "Space" : event.key;
  const upper = name.length === 1 ? name.toUpperCase() : name;
  return keymap.find(({ keys, events, run }) => run && [upper, name].some((key) => (events ?? keys).includes(key)));
}

/** Commands of any engine that has a position, a loop and a length. */
export const COMMON = {
  play: { keys: ["Space"], does: "play or pause", run: ({ engine }) => engine.toggle() },
  start: {
    keys: ["Home"],
    does: "to the start (of the loop, if it is on)",
    run: ({ engine }) => engine.seek(engine.loop.on ? engine.loop.start : 0),
  },
  loop: { keys: ["L"], does: "loop on or off", run: (view) => view.toggleLoop() },
  bounds: { keys: ["[", "]"], does: "loop starts, ends here", run: ({ engine }, event) => bound(engine, event.key) },
  volume: {
    keys: ["<", ">"],
    events: ["<", ">", ",", "."],
    does: "listening volume down, up by 3 dB",
    run: ({ engine }, event) => engine.setVolume(engine.safety.db + (">.".includes(event.key) ? 3 : -3)),
  },
  help: { keys: ["?"], does: "this help (Escape closes it)", run: (view) => view.showHelp() },
};

/** The command that jumps by so many seconds, and by others with Shift. */
export const jump = (step, small) => ({
  keys: ["←", "→"],
  events: ["ArrowLeft", "ArrowRight"],
  run: ({ engine }, event) =>
    engine.seek(engine.position + (event.shiftKey ? small : step) * (event.key === "ArrowLeft" ? -1 : 1) * engine.rate),
});

function bound(engine, key) {
  const { start, end } = engine.loop;
  const here = engine.position;
  if (key === "[") engine.setLoop(here, end > here ? end : engine.frames);
  else engine.setLoop(start < here ? start : 0, here);
}
