// The keyboard: one table, which is also what the help shows.

const EDITED = "textarea, select, input:not([type=range], [type=radio], [type=checkbox]), [contenteditable=true]";
const PRESSED = "button, a, summary, input[type=checkbox], [role=button], [role=tab], [role=option]";
const ARROWED = "[role=slider]:not(.ruler), [role=listbox], [role=tablist], [role=menu], [role=grid], [role=radiogroup]";

export const KEYMAP = [
  { keys: ["Space"], does: "play or pause", run: ({ engine }) => engine.toggle() },
  { keys: ["1 … 9"], does: "hear that sound" },
  { keys: ["←", "→"], events: ["ArrowLeft", "ArrowRight"], does: "back, forward 5 s (Shift: 1 s)", run: jump },
  {
    keys: ["Home"],
    does: "to the start (of the loop, if it is on)",
    run: ({ engine }) => engine.seek(engine.loop.on ? engine.loop.start : 0),
  },
  { keys: ["L"], does: "loop on or off", run: (view) => view.toggleLoop() },
  { keys: ["[", "]"], does: "loop starts, ends here", run: ({ engine }, event) => bound(engine, event.key) },
  { keys: ["N"], does: "match loudness", run: (view) => view.toggleMatch() },
  {
    keys: ["<", ">"],
    events: ["<", ">", ",", "."],
    does: "listening volume down, up by 3 dB",
    run: ({ engine }, event) => engine.setVolume(engine.safety.db + (">.".includes(event.key) ? 3 : -3)),
  },
  { keys: ["?"], does: "this help (Escape closes it)", run: (view) => view.showHelp() },
];

function jump({ engine }, event) {
  const step = (event.shiftKey ? 1 : 5) * (event.key === "ArrowLeft" ? -1 : 1);
  engine.seek(engine.position + step * engine.data.rate);
}

function bound(engine, key) {
  const { start, end } = engine.loop;
  const here = engine.position;
  if (key === "[") engine.setLoop(here, end > here ? end : engine.data.frames);
  else engine.setLoop(start < here ? start : 0, here);
}

/** Whether a key pressed here belongs to the element: text being typed, a button about to be pressed. */
function taken(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.matches(EDITED)) return true;
  if ((event.key === " " || event.key === "Enter") && target.matches(PRESSED)) return true;
  const arrow = event.key.startsWith("Arrow") || event.key === "Home";
  return arrow && Boolean(target.closest(ARROWED));
}

/** Answer the keys of the whole page while the player is on it. */
export function listen(view) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    if (!view.root.isConnected || view.help.open || !view.engine.data) return;
    if (document.querySelector("[role=dialog]")) return;
    if (/^[1-9]$/.test(event.key)) view.choose(Number(event.key) - 1);
    else {
      const name = event.key === " " ? "Space" : event.key;
      const upper = name.length === 1 ? name.toUpperCase() : name;
      const command = KEYMAP.find(({ keys, events, run }) => run && (events ?? keys).includes(upper));
      if (!command) return;
      command.run(view, event);
    }
    event.preventDefault();
    event.stopImmediatePropagation(); // the page has single keys of its own
  });
}
