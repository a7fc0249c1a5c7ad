// The pages before the trials: welcome and consent, the volume, the headphone check. Each is a function that fills a page and
// calls `done` with what was found.

import { h } from "../mixer/dom.js";
import { Player } from "./player.js";
import { playSide, playThree, shuffled } from "./tones.js";

const LOWEST = -50; // dB
const START = -20; // dB
const ROUNDS = 6;
const NEEDED = 5; // of them, as Woods et al. 2017
const HEARD = 1; // s of the music, before the volume counts as set

const button = (label, onclick, kind = "primary") => h("button", { type: "button", class: kind, onclick }, label);
const texts = (text) => text.trim().split(/\n\s*\n/).map((part) => h("p", {}, part.trim()));
const heading = (text) => h("h1", { tabindex: "-1" }, text);

export function welcome(state, done) {
  const agree = h("input", { type: "checkbox", onchange: () => go.setAttribute("aria-disabled", String(!agree.checked)) });
  const go = button("Begin", () => (agree.checked ? done() : agree.focus()));
  go.setAttribute("aria-disabled", "true");
  return h(
    "div",
    {},
    heading(state.title),
    ...texts(state.texts.instructions),
    h("section", { class: "box" }, ...texts(state.texts.consent), h("label", { class: "check" }, agree, h("span", {}, "I have read this, and I take part."))),
    h("div", { class: "actions" }, go),
  );
}

export function welcomeBack(state, done, level) {
  const left = state.total - state.done;
  const text = state.done
    ? `${state.done} of ${state.total} are done and stored; ${left} ${left === 1 ? "is" : "are"} left.`
    : "You can begin where you were.";
  return h(
    "div",
    {},
    heading("Welcome back"),
    h("p", {}, text),
    h("p", { class: "quiet" }, "If your headphones or the volume of your device have changed, check the volume first."),
    h("div", { class: "actions" }, button("Check the volume", level, ""), button("Go on", done)),
  );
}

/** The volume: between two buttons, never above the test's ceiling. `changed` is called with dB. */
export function volume(engine, state, changed = () => {}) {
  const highest = state.highest_db;
  let db = Math.min(highest, state.steps.level?.db ?? START);
  const slider = h("input", {
    type: "range",
    min: LOWEST,
    max: highest,
    step: 1,
    "aria-label": "Volume",
    oninput: () => set(Number(slider.value)),
  });
  const softer = h("button", { type: "button", "aria-label": "Softer", onclick: () => set(db - 2) }, "−");
  const louder = h("button", { type: "button", "aria-label": "Louder", onclick: () => set(db + 2) }, "+");
  function set(value) {
    db = Math.min(highest, Math.max(LOWEST, value));
    slider.value = String(db);
    slider.setAttribute("aria-valuetext", `${Math.round((100 * (db - LOWEST)) / (highest - LOWEST))} percent`);
    engine.setVolume(db);
    changed(db);
  }
  set(db);
  return h("div", { class: "volume" }, softer, slider, louder);
}

/** Set how loud it is, with the first sound of the test; it starts low. */
export function level(engine, state, done) {
  let db = null;
  const player = new Player(engine, { ...state.level, id: "level", hear_s: HEARD }, () => update());
  const go = button("This is comfortable", () => {
    if (player.unheard.length) return player.play.focus();
    player.close();
    done(db);
  });
  function update() {
    go.setAttribute("aria-disabled", String(player.unheard.length > 0));
  }
  const control = volume(engine, state, (value) => (db = value));
  player.load();
  engine.setLooping(true);
  const root = h(
    "div",
    { class: "level" },
    heading("How loud?"),
    h("p", {}, "Put on your headphones and set the volume of your device to about the middle. Then press play."),
    h("p", {}, "Move the slider until the music is comfortable: loud enough to hear details, never unpleasant."),
    player.root,
    control,
    h("p", { class: "quiet" }, "Please leave the volume as it is from here on. If it gets unpleasant, you can change it at any time."),
    h("div", { class: "actions" }, go),
  );
  root.stop = () => player.close();
  return root;
}

/** Left and right, then which of three tones is the softest. */
export function headphones(engine, done) {
  const { context } = engine;
  const page = h("div", {});
  const result = { sides: true, right: 0 };
  const show = (...children) => {
    page.replaceChildren(heading("Headphones"), ...children);
    page.querySelector("h1").focus();
  };
  const play = async (work) => {
    await context.resume();
    return work();
  };

  function sides(order, tries) {
    if (!order.length) return three(0);
    const [side, ...rest] = order;
    let heard = false;
    const ear = (name) => {
      if (!heard) return start.focus();
      if (name === side) return sides(rest, tries);
      if (tries) return turned(tries - 1);
      result.sides = false;
      return three(0);
    };
    const start = button("Play the tone", () => play(() => ((heard = true), playSide(context, side, engine.volume))));
    show(
      h("p", {}, "You will hear a short tone in one ear. In which one?"),
      h("div", { class: "actions start" }, start),
      h("div", { class: "large", role: "group", "aria-label": "In which ear?" }, button("Left", () => ear("left"), ""), button("Right", () => ear("right"), "")),
    );
  }

  function turned(tries) {
    show(
      h("p", {}, "That was the other ear. Please turn your headphones round and try again."),
      h("div", { class: "actions" }, button("Try again", () => sides(shuffled(["left", "right"]), tries))),
    );
  }

  function three(round) {
    if (round === ROUNDS) return over();
    let softest = null;
    const choose = (index) => {
      if (softest === null) return start.focus();
      result.right += Number(index === softest);
      three(round + 1);
    };
    const start = button("Play three tones", () => play(() => (softest = playThree(context, engine.volume))));
    show(
      h("p", {}, "You will hear three tones. Which one is the softest?"),
      h("p", { class: "quiet" }, `${round + 1} of ${ROUNDS}`),
      h("div", { class: "actions start" }, start),
      h("div", { class: "large", role: "group", "aria-label": "Which is the softest?" }, ...[0, 1, 2].map((index) => button(["First", "Second", "Third"][index], () => choose(index), ""))),
    );
  }

  function over() {
    if (result.right >= NEEDED) return done(result);
    show(
      h("p", {}, "It seems that you are not listening with headphones. Please put them on and try again, if you can."),
      h(
        "div",
        { class: "actions" },
        button("Go on", () => done(result), ""),
        button("Try again", () => {
          result.right = 0;
          three(0);
        }),
      ),
    );
  }

  sides(shuffled(["left", "right"]), 1);
  return page;
}

export function message(title, text, label, run) {
  return h("div", {}, heading(title), ...texts(text), label ? h("div", { class: "actions" }, button(label, run)) : null);
}
