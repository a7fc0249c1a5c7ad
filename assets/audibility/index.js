// Bind the component to the page's one picture. It follows the mixer's engine by itself: no slider asks the server, and no
// slider waits. Levels are fetched once per excerpt, after the mixer's own sounds; the worker computes, one mix at a time, and
// what has changed meanwhile is computed next; the drawing waits for the browser's next frame.

import { EARS } from "./model.js";
import { View } from "./view.js";
import { earFactor, factor } from "../mixer/settings.js";

/** Follows an engine and shows what is heard of its stems. */
class Follower {
  constructor(view) {
    this.view = view;
    this.engine = null;
    this.data = null; // what the page gave
    this.levels = null; // ArrayBuffer of data.levels_url
    this.turn = 0; // mixes computed so far
    this.worker = null;
    view.onopen = () => this.refresh();
  }

  follow(engine) {
    if (this.engine === engine) return;
    this.engine = engine;
    for (const event of ["settings", "load", "loudness"]) engine.addEventListener(event, () => this.refresh());
  }

  /** Take what the page gives; levels are fetched again only for other sounds. */
  show(data) {
    const key = JSON.stringify(data);
    if (key === this.key) return;
    this.key = key;
    if (data.levels_url !== this.data?.levels_url) {
      this.levels = null;
      this.loading = null;
    }
    this.data = data;
    this.view.show(data);
    this.#stop(); // what it may still compute is of another listener
    this.refresh();
  }

  #stop() {
    this.worker?.terminate();
    this.worker = null;
    this.busy = false;
  }

  /** Compute anew, as soon as there is something to compute with. */
  refresh() {
    if (!this.data || !this.engine?.loaded || !this.view.isOpen) return;
    if (!this.data.names.every((name) => name in this.engine.settings.gains)) return; // the mixer has another song still
    if (!this.levels) this.#fetch();
    else if (this.busy) this.stale = true;
    else this.#ask();
  }

  async #fetch() {
    const url = this.data.levels_url;
    if (this.loading === url) return;
    this.loading = url;
    this.view.say("Measuring the stems' levels …");
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const levels = await response.arrayBuffer();
      if (this.data.levels_url !== url) return;
      this.levels = levels;
      this.view.say("");
      this.refresh();
    } catch (error) {
      if (this.data.levels_url !== url) return;
      this.view.fail(`The stems' levels could not be loaded: ${error.message}.`, () => {
        this.loading = null;
        this.refresh();
      });
    }
  }

  #start() {
    const { names, threshold, response, calibration_db_spl: calibration } = this.data;
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => worker === this.worker && this.#take(data);
    worker.onerror = () => this.#take({ fault: "The picture could not be computed: its script did not load." });
    worker.postMessage({ powers: this.levels, names, threshold, response, calibration });
    return worker;
  }

  #ask() {
    this.worker ??= this.#start();
    this.busy = true;
    this.stale = false;
    this.turn++;
    this.worker.postMessage({ factors: this.#factors() });
  }

  /** Power factors of the mix as it is: lanes, master, and what matching the loudness takes off. */
  #factors() {
    const { engine, data } = this;
    const { settings } = engine;
    const kind = (mode) => {
      const whole = factor(settings.master_db) * (engine.available.includes(mode) ? engine.matchFactor(mode) : 1);
      return data.names.map((name) => EARS.map((ear) => (whole * earFactor(settings, name, ear)) ** 2));
    };
    return { unaided: kind("remix"), aided: kind("aided") };
  }

  #take(answer) {
    this.busy = false;
    if (answer.fault) {
      this.#stop();
      this.view.fail(answer.fault, () => this.refresh());
      return;
    }
    this.result = answer;
    this.view.draw(answer);
    if (this.stale) this.refresh();
  }
}

/** The default export of the component: `component` as Streamlit gives it. The mixer must be there. */
export function mount({ data, parentElement }) {
  const follower = (globalThis.cadenzaAudibility ??= new Follower(new View()));
  const host = parentElement.querySelector(".cadenza-audibility") ?? parentElement;
  if (follower.view.root.parentNode !== host) host.replaceChildren(follower.view.root);
  follower.follow(cadenzaMixer.engine);
  follower.show(data);
}
