// Where things are in time: ruler, zoom, loop region, playhead, and the pointer on a lane (click: seek, drag: loop).

import { clock, h, setAttribute } from "./dom.js";

const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300]; // s
const DRAG = 4; // pixels: less is a click
const MAX_ZOOM = 64;

export class Timeline {
  /** @param {HTMLElement[]} waves what is clicked and dragged on, all in one column */
  constructor(engine, changed) {
    this.engine = engine;
    this.changed = changed; // the visible part is another one
    this.first = 0; // the visible part of the song, 0 to 1
    this.last = 1;
    this.follow = true;
    this.ticks = h("div", { class: "ticks", "aria-hidden": "true" });
    this.ruler = h(
      "div",
      {
        class: "ruler",
        role: "slider",
        tabindex: "0",
        "aria-label": "Position in the song",
        "aria-valuemin": "0",
        onkeydown: (event) => this.#key(event),
      },
      this.ticks,
    );
    this.region = h("div", { class: "region" });
    this.head = h("div", { class: "playhead" });
    this.overlay = h("div", { class: "overlay", "aria-hidden": "true" }, this.region, this.head);
    this.listenTo(this.ruler);
  }

  get #frames() {
    return this.engine.song?.frames ?? 1;
  }

  /** Make clicks on an element seek and drags loop. */
  listenTo(element) {
    element.addEventListener("pointerdown", (event) => this.#down(event, element));
    element.addEventListener("wheel", (event) => this.#wheel(event, element), { passive: false });
  }

  #frameAt(event, element) {
    const box = element.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return (this.first + (this.last - this.first) * share) * this.#frames;
  }

  #down(event, element) {
    if (event.button !== 0 || !this.engine.song) return;
    const start = this.#frameAt(event, element);
    const x = event.clientX;
    let dragged = false;
    element.setPointerCapture(event.pointerId);
    const move = (later) => {
      dragged ||= Math.abs(later.clientX - x) >= DRAG;
      if (!dragged) return;
      this.dragging = { start, end: this.#frameAt(later, element) };
      this.update();
    };
    const up = (later) => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointercancel", up);
      this.dragging = null;
      if (later.type === "pointercancel") this.update();
      else if (dragged) this.engine.setLoop(start, this.#frameAt(later, element));
      else this.engine.seek(start);
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up, { once: true });
    element.addEventListener("pointercancel", up, { once: true });
  }

  #wheel(event, element) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(2 ** (-event.deltaY / 200), this.#frameAt(event, element) / this.#frames);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      if (this.last - this.first === 1) return;
      event.preventDefault();
      this.#show(
        this.first + ((event.deltaX || event.deltaY) / 1000) * (this.last - this.first),
        this.last - this.first,
      );
    }
  }

  /** Show more or less of the song, keeping a point (0 to 1) where it is. */
  zoom(times, around = this.engine.position / this.#frames) {
    const span = this.last - this.first;
    const wider = Math.min(1, Math.max(1 / MAX_ZOOM, span / times));
    const inside = around >= this.first && around <= this.last ? (around - this.first) / span : 0.5;
    this.#show(this.first + inside * span - inside * wider, wider);
  }

  #show(first, span) {
    this.first = Math.min(Math.max(0, first), 1 - span);
    this.last = this.first + span;
    this.update();
    this.changed();
  }

  #key(event) {
    const { engine } = this;
    const jump = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (jump !== undefined) engine.seek(engine.position + jump * engine.song.rate);
    else if (event.key === "End") engine.seek(this.#frames);
    else return; // Home and the rest are the mixer's
    event.preventDefault();
    event.stopPropagation();
  }

  #place(frame) {
    return (frame / this.#frames - this.first) / (this.last - this.first);
  }

  /** Draw loop and ticks. */
  update() {
    const { engine } = this;
    if (!engine.song) return;
    const { rate, frames } = engine.song;
    const loop = this.dragging ?? engine.loop;
    const [low, high] = [loop.start, loop.end].sort((a, b) => a - b).map((frame) => this.#place(frame));
    const whole = loop.start === 0 && loop.end === frames && !loop.on && !this.dragging;
    this.region.hidden = high <= low || whole;
    this.region.classList.toggle("on", Boolean(this.dragging || engine.loop.on));
    this.region.style.left = `${100 * low}%`;
    this.region.style.width = `${100 * (high - low)}%`;
    setAttribute(this.ruler, "aria-valuemax", (frames / rate).toFixed(1));
    this.#drawTicks(frames / rate, engine.song.offset_s);
    this.showPosition();
  }

  #drawTicks(duration, offset) {
    const width = this.ruler.clientWidth || 600;
    const visible = (this.last - this.first) * duration;
    const step = TICKS.find((each) => (each / visible) * width >= 64) ?? 600;
    const key = [width, this.first, this.last, duration, offset, step].join();
    if (key === this.drawn) return;
    this.drawn = key;
    const marks = [];
    for (let n = Math.ceil((offset + this.first * duration) / step); ; n++) {
      const share = (n * step - offset) / duration;
      if (share > this.last) break;
      const text = step < 1 ? clock(n * step) : clock(n * step).slice(0, -2);
      const mark = h("span", {}, text);
      mark.style.left = `${(100 * (share - this.first)) / (this.last - this.first)}%`;
      marks.push(mark);
    }
    this.ticks.replaceChildren(...marks);
  }

  /** Move the playhead, and turn the page if it is followed. */
  showPosition() {
    const { engine } = this;
    const { position } = engine;
    let share = this.#place(position);
    if (this.follow && engine.playing && !this.dragging && (share < 0 || share > 1)) {
      this.#show(position / this.#frames, this.last - this.first);
      share = this.#place(position);
    }
    this.head.hidden = share < 0 || share > 1;
    this.head.style.transform = `translateX(${100 * share}%)`;
    const seconds = engine.song ? position / engine.song.rate : 0;
    setAttribute(this.ruler, "aria-valuenow", seconds.toFixed(1));
    setAttribute(this.ruler, "aria-valuetext", clock(seconds));
  }
}
