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
    this.loaded = new Map(); // url -> ArrayBuffer of levels
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
    this.data = data;
    const wanted = Object.values(data.levels);
    for (const url of this.loaded.keys()) if (!wanted.includes(url)) this.loaded.delete(url);
    this.result = null;
    this.view.show(data);
    this.#stop(); // what it may still compute is of another listener
    this.refresh();
  }

  /** Where the levels of what the lanes stand for are: of the separated stems, or of the true ones. */
  get #url() {
    return this.data.levels[this.engine.laneBus] ?? this.data.levels.remix;
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
    const url = this.#url;
    if (url !== this.shown) this.#stop();
    this.shown = url;
    if (!this.loaded.has(url)) this.#fetch(url);
    else if (this.busy) this.stale = true;
    else this.#ask(this.loaded.get(url));
  }

  async #fetch(url) {
    if (this.loading === url) return;
    this.loading = url;
    this.view.say("Measuring the stems' levels …");
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      this.loaded.set(url, await response.arrayBuffer());
      if (this.loading === url) this.loading = null;
      if (this.#url === url) this.view.say("");
      this.refresh();
    } catch (error) {
      if (this.#url !== url) return; // no slider shall ask a server again that does not answer
      this.view.fail(`The stems' levels could not be loaded: ${error.message}.`, () => {
        this.loading = null;
        this.refresh();
      });
    }
  }

  #start(powers) {
    const { names, threshold, response, calibration_db_spl: calibration } = this.data;
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => worker === this.worker && this.#take(data);
    worker.onerror = () => this.#take({ fault: "The picture could not be computed: its script did not load." });
    worker.postMessage({ powers, names, threshold, response, calibration });
    return worker;
  }

  #ask(powers) {
    this.worker ??= this.#start(powers);
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
