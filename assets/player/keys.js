// The keyboard: one table, which is also what the help shows.

import { COMMON, commandOf, isPlain, jump, taken } from "../mixer/keyboard.js";

export const KEYMAP = [
  COMMON.play,
  { keys: ["1 … 9"], does: "hear that sound" },
  { ...jump(5, 1), does: "back, forward 5 s (Shift: 1 s)" },
  COMMON.start,
  COMMON.loop,
  COMMON.bounds,
  { keys: ["N"], does: "match loudness", run: (view) => view.toggleMatch() },
  COMMON.volume,
  COMMON.help,
];

/** Answer the keys of the whole page while the player is on it. */
export function listen(view) {
  document.addEventListener("keydown", (event) => {
    if (!isPlain(event) || taken(event)) return;
    if (!view.root.isConnected || view.help.open || !view.engine.data) return;
    if (document.querySelector("[role=dialog]")) return;
    if (/^[1-9]$/.test(event.key)) view.choose(Number(event.key) - 1);
    else {
      const command = commandOf(KEYMAP, event);
      if (!command) return;
      command.run(view, event);
    }
    event.preventDefault();
    event.stopImmediatePropagation(); // the page has single keys of its own
  });
}
