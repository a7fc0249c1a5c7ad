// The participant's page: from the welcome to the thanks, one page after the other. The server knows where the participant is;
// the page only shows it, so that a reload, another day or another device go on at the same place.

import { h } from "../mixer/dom.js";
import { PlayerEngine } from "../player/engine.js";
import { Refusal, send } from "./api.js";
import { listen } from "./keys.js";
import { headphones, level, message, volume, welcome, welcomeBack } from "./steps.js";
import { Trial } from "./trial.js";

const LOST = "The connection is lost. Your answer is kept here, and is sent as soon as the server can be reached.";
const main = document.getElementById("page");
const engine = new PlayerEngine();
globalThis.cadenzaListen = { engine }; // as the studio's players are; it knows places on the page, no systems
let state = null;
let tab = null;
let trial = null;
let outputRate = 0;

// ---- showing ---------------------------------------------------------------------------------------------------------

function show(root, { bar = false } = {}) {
  shown?.stop?.();
  shown = root;
  main.replaceChildren(...(bar ? [header()] : []), root);
  main.removeAttribute("aria-busy");
  document.title = state?.title ?? "Listening test";
  scrollTo(0, 0);
  root.querySelector("h1")?.focus({ preventScroll: true });
}
let shown = null;

function header() {
  const { phase, number } = state.trial;
  const practice = phase === "training";
  const [at, of] = practice ? [number, state.training] : [number - state.training, state.total - state.training];
  const words = practice ? `Practice ${at} of ${of}` : `${at} of ${of}`;
  return h(
    "header",
    {},
    h("span", { class: "count" }, words),
    h("progress", { max: of, value: at - 1, "aria-label": words }),
    h("button", { type: "button", class: "quietly", onclick: () => trial.showHelp() }, "Keys"),
    h("button", { type: "button", class: "quietly", onclick: volumeDialog }, "Volume"),
    h("button", { type: "button", class: "quietly", onclick: pause }, "Pause"),
  );
}

// ---- the way through -------------------------------------------------------------------------------------------------

async function open() {
  const opened = await guarded(() => send("open", {}, waiting));
  if (!opened) return;
  ({ tab } = opened);
  state = opened;
  trial?.close();
  trial = null;
  if (!state.steps.consent) show(welcome(state, begin));
  else if (!state.trial) thanks();
  else show(welcomeBack(state, () => onward(), () => setLevel(onward)));
}

async function begin() {
  probe();
  if (await step("consent")) onward();
}

/** Go to whatever comes next. */
function onward() {
  probe();
  if (!state.steps.level) return setLevel(onward);
  engine.setVolume(Math.min(state.highest_db, state.steps.level.db));
  if (state.headphone_check && !state.steps.headphones) return checkHeadphones();
  return nextTrial();
}

function setLevel(then) {
  show(
    level(engine, state, async (db) => {
      if (await step("level", { db })) then();
    }),
  );
}

function checkHeadphones() {
  show(
    headphones(engine, async (found) => {
      if (await step("headphones", found)) onward();
    }),
  );
}

function nextTrial() {
  const before = trial?.trial.phase;
  trial?.close();
  trial = null;
  if (!state.trial) return thanks();
  if (before === "training" && state.trial.phase === "main") {
    return show(message("Ready?", "That was the practice. From now on your answers count.", "Begin", () => beginTrial()));
  }
  return beginTrial();
}

function beginTrial() {
  trial = new Trial(engine, state, answered);
  show(trial.root, { bar: true });
  fetchAhead(trial);
}

/** Once this trial's sounds are here, fetch the next one's: it then begins at once. */
function fetchAhead(current) {
  engine.addEventListener("load", function ready() {
    if (trial !== current) return engine.removeEventListener("load", ready);
    if (!engine.loaded) return;
    engine.removeEventListener("load", ready);
    for (const url of state.ahead) fetch(url, { credentials: "same-origin", priority: "low" }).catch(() => {});
  });
}

async function answered(answer) {
  const current = trial;
  try {
    state = { ...state, ...(await send("answers", { ...answer, tab, output_rate: outputRate }, (attempt) => current.say(attempt ? LOST : ""))) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (["tab", "unknown", "gone"].includes(error.reason)) return refused(error);
    if (["answered", "order", "trial"].includes(error.reason)) return open();
    return current.say(error.message);
  }
  document.getElementById("said").textContent = "Saved.";
  return nextTrial();
}

async function step(name, content = {}) {
  const found = await guarded(() => send("steps", { ...content, tab, step: name }, waiting));
  if (found) state = { ...state, ...found };
  return Boolean(found);
}

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refused(error);
    return null;
  }
}

function refused(error) {
  trial?.close();
  trial = null;
  const elsewhere = error.reason === "tab";
  show(message(elsewhere ? "Open somewhere else" : "This does not work", error.message, elsewhere ? "Go on here" : "", open));
}

function waiting(attempt) {
  const before = main.querySelector(".lost");
  if (!attempt) before?.remove();
  else if (!before) main.prepend(h("div", { class: "problems lost", role: "alert" }, "The server cannot be reached. Trying again…"));
}

// ---- pauses and the end ----------------------------------------------------------------------------------------------

function pause() {
  engine.pause();
  const since = performance.now();
  show(
    message(
      "Pause",
      "Your answers so far are stored. You can go on now, or close this page and come back later with the same link.",
      "Go on",
      () => {
        trial.away += performance.now() - since;
        show(trial.root, { bar: true }); // what was answered in it is still there
      },
    ),
  );
}

/** The volume, within a trial: the sounds go on meanwhile. */
function volumeDialog() {
  let db = null;
  const control = volume(engine, state, (value) => (db = value));
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Done");
  const dialog = h("dialog", { "aria-label": "Volume" }, h("h2", {}, "Volume"), control, h("div", { class: "actions" }, close));
  dialog.addEventListener("close", () => {
    dialog.remove();
    step("level", { db });
  });
  main.append(dialog);
  dialog.showModal();
}

function thanks() {
  trial?.close();
  trial = null;
  show(message("Thank you", state.texts.thanks));
}

/** The device's own sample rate; the sounds have theirs. */
function probe() {
  if (outputRate) return;
  const context = new AudioContext();
  outputRate = context.sampleRate;
  context.close();
}

listen(() => (trial && trial.root.isConnected ? trial : null));
addEventListener("pageshow", (event) => event.persisted && location.reload());
open();
