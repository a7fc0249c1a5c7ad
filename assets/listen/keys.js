// The keyboard of a trial: one table, which is also what the help shows.

const EDITED = "textarea, input:not([type=range], [type=radio], [type=checkbox])";
const PRESSED = "button, a, summary, input[type=checkbox], input[type=radio]";
const STEP = 2; // s

export const KEYMAP = [
  { keys: ["Space"], does: "play or pause", run: (trial) => trial.engine.toggle() },
  { keys: ["1 … 9"], does: "hear that sound (A is 1, B is 2, X is 3)" },
  { keys: ["0"], does: "hear the reference" },
  { keys: ["←", "→"], events: ["ArrowLeft", "ArrowRight"], does: "2 s back, forward; on a slider: move it", run: jump },
  { keys: ["Home"], does: "to the start", run: ({ engine }) => engine.seek(engine.loop.on ? engine.loop.start : 0) },
  { keys: ["L"], does: "play over and over, or once", run: (trial) => trial.toggleLoop() },
  { keys: ["[", "]"], does: "what is repeated starts, ends here", run: ({ engine }, event) => bound(engine, event.key) },
  { keys: ["?"], does: "this list (Escape closes it)", run: (trial) => trial.showHelp() },
];

function jump({ engine }, event) {
  engine.seek(engine.position + STEP * (event.key === "ArrowLeft" ? -1 : 1) * engine.data.rate);
}

function bound(engine, key) {
  const { start, end } = engine.loop;
  const here = engine.position;
  if (key === "[") engine.setLoop(here, end > here ? end : engine.data.frames);
  else engine.setLoop(start < here ? start : 0, here);
}

function taken(event) {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.matches(EDITED)) return true;
  if ((event.key === " " || event.key === "Enter") && target.matches(PRESSED)) return true;
  return (event.key.startsWith("Arrow") || event.key === "Home") && target.matches("input[type=range], input[type=radio]");
}

/** Answer the keys of the page while a trial is on it. */
export function listen(current) {
  document.addEventListener("keydown", (event) => {
    const trial = current();
    if (!trial || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    if (document.querySelector("dialog[open]")) return;
    if (/^[0-9]$/.test(event.key)) trial.choose(event.key);
    else {
      const name = event.key === " " ? "Space" : event.key;
      const upper = name.length === 1 ? name.toUpperCase() : name;
      const command = KEYMAP.find(({ keys, events, run }) => run && (events ?? keys).includes(upper));
      if (!command) return;
      command.run(trial, event);
    }
    event.preventDefault();
  });
}
