// The keyboard of a trial: one table, which is also what the help shows.

import { COMMON, commandOf, isPlain, jump, taken } from "../mixer/keyboard.js";

const STEP = 2; // s

export const KEYMAP = [
  COMMON.play,
  { keys: ["1 … 9"], does: "hear that sound (A is 1, B is 2, X is 3)" },
  { keys: ["0"], does: "hear the reference" },
  { ...jump(STEP, STEP), does: "2 s back, forward; on a slider: move it" },
  { ...COMMON.start, does: "to the start" },
  { ...COMMON.loop, does: "play over and over, or once" },
  { ...COMMON.bounds, does: "what is repeated starts, ends here" },
  { ...COMMON.help, does: "this list (Escape closes it)" },
];

/** Answer the keys of the page while a trial is on it. */
export function listen(current) {
  document.addEventListener("keydown", (event) => {
    const trial = current();
    if (!trial || !isPlain(event) || taken(event) || document.querySelector("dialog[open]")) return;
    if (/^(Arrow|Home)/.test(event.key) && event.target.matches?.("input[type=range]")) return; // an answer
    if (/^[0-9]$/.test(event.key)) trial.choose(event.key);
    else {
      const command = commandOf(KEYMAP, event);
      if (!command) return;
      command.run(trial, event);
    }
    event.preventDefault();
  });
}
