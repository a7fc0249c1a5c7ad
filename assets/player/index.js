// Bind the component to the page's one player. Streamlit calls mount() for each mount and each change of the data, and the
// function it gives when that mount is over. Engine and view live on globalThis and outlive all mounts.
//
// Leaving the page (no mount for 1.5 s) pauses.

import { PlayerEngine } from "./engine.js";
import { listen } from "./keys.js";
import { PlayerView } from "./view.js";

const LEAVING = 1500; // ms
const DEBOUNCE = 300; // ms

function create() {
  const engine = new PlayerEngine();
  const view = new PlayerView(engine);
  const player = { engine, view, key: null, mounts: 0 };
  listen(view);
  engine.addEventListener("log", () => schedule(player));
  return player;
}

function schedule(player) {
  clearTimeout(player.timer);
  player.timer = setTimeout(() => {
    if (player.data?.report) player.setStateValue?.("log", { key: player.key, ...player.engine.report() });
  }, DEBOUNCE);
}

/** The default export of the component: `component` as Streamlit gives it. */
export function mount({ data, parentElement, setStateValue }) {
  const player = (globalThis.cadenzaPlayer ??= create());
  const mine = ++player.mounts;
  clearTimeout(player.leaving);
  const host = parentElement.querySelector(".cadenza-player") ?? parentElement;
  if (player.view.root.parentNode !== host) host.replaceChildren(player.view.root);
  player.setStateValue = setStateValue;
  player.data = data;
  player.engine.setLevels(data);
  player.view.show(data);
  if (player.key !== data.key) {
    player.key = data.key;
    player.engine.load(data);
  }
  player.view.run();
  return () => {
    if (player.mounts !== mine) return;
    player.leaving = setTimeout(() => player.engine.pause(), LEAVING);
  };
}
