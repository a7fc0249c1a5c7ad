// Bind the component to the page's one engine. Streamlit calls mount() for each mount and each change of the data,
// and the function it gives when that mount is over. Engine and view live on globalThis and outlive all mounts: a rerun that
// rebuilds the page moves the view's element to its new place, and the sound goes on.
//
// Leaving the page (no mount for 1.5 s) pauses.

import { Engine } from "./engine.js";
import { listen } from "./keys.js";
import { View } from "./view.js";

const LEAVING = 1500; // ms
const DEBOUNCE = 300; // ms

function create() {
  const engine = new Engine();
  const view = new View(engine);
  const mixer = { engine, view, applied: null, mounts: 0 };
  listen(view);
  engine.addEventListener("settings", () => schedule(mixer));
  return mixer;
}

/** What decides whether sounds have to be loaded: everything but settings and listener. */
const soundsOf = ({ song, rate, frames, offset_s, lanes, original_url, reference }) =>
  JSON.stringify([song.id, rate, frames, offset_s, lanes.map(({ name, url }) => [name, url]), original_url, reference]);

function accept(mixer, data) {
  const { engine, view } = mixer;
  const { session, revision } = data;
  const { applied } = mixer;
  const sounds = soundsOf(data);
  const another = sounds !== mixer.sounds;
  mixer.sounds = sounds;
  engine.setLevels(data);
  if (another) engine.load(data);
  else {
    const { listener_label, aid_label, calibration_db_spl } = data;
    Object.assign(engine.song, { listener_label, aid_label, calibration_db_spl });
    engine.setFir(data.fir);
    engine.setHearing(data);
  }
  // The page's settings count for another song, and when it says so by another revision; else what is set here does.
  const told = applied && applied.session === session && applied.revision !== revision;
  const obey = !applied || applied.song !== data.song.id || told;
  if (obey) engine.apply(data);
  mixer.applied = { song: data.song.id, session, revision };
  if (obey) mixer.sent = message(mixer).key; // the page knows what it has said itself
  if (another) view.show(data);
  else engine.dispatchEvent(new Event("settings"));
}

function schedule(mixer) {
  clearTimeout(mixer.timer);
  mixer.timer = setTimeout(() => send(mixer), DEBOUNCE);
}

function message(mixer) {
  const { song, session, revision } = mixer.applied;
  const state = { song, revision, ...structuredClone(mixer.engine.settings) };
  return { state, key: JSON.stringify([session, state]) };
}

function send(mixer) {
  if (!mixer.setStateValue || !mixer.applied) return;
  const { state, key } = message(mixer);
  if (key === mixer.sent) return;
  mixer.sent = key;
  mixer.setStateValue("mix", state);
}

/** The default export of the component: `component` as Streamlit gives it. */
export function mount({ data, parentElement, setStateValue }) {
  const mixer = (globalThis.cadenzaMixer ??= create());
  const mine = ++mixer.mounts;
  clearTimeout(mixer.leaving);
  const host = parentElement.querySelector(".cadenza-mixer") ?? parentElement;
  if (mixer.view.root.parentNode !== host) host.replaceChildren(mixer.view.root);
  mixer.setStateValue = setStateValue;
  accept(mixer, data);
  mixer.view.run();
  return () => {
    if (mixer.mounts !== mine) return;
    mixer.leaving = setTimeout(() => mixer.engine.pause(), LEAVING);
  };
}
