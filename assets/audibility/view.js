// What is seen: for each stem and ear the levels at the ear against the threshold and the other stems; below it numbers.
// It computes nothing but pixels.

import { h, setAttribute, setText } from "../mixer/dom.js";
import { BANDS, EARS } from "./model.js";

const FIRST_HZ = BANDS[0] * 10 ** -0.05;
const LAST_HZ = BANDS.at(-1) * 10 ** 0.05;
const TOP_DB = 120;
const TICKS_HZ = [100, 1000, 10000];
const TICKS_DB = [20, 60, 100];
/** Of the plot in CSS pixels: room for the labels, and for the strip of what is heard. */
const LEFT = 26;
const RIGHT = 4;
const HEAD = 4;
const FOOT = 15;
const STRIP = 16;
const SYMBOLS = { left: "X", right: "O" };

const percent = (share) => (Number.isNaN(share) ? "silent" : `${Math.round(100 * share)} %`);
const hertz = (value) => (value >= 1000 ? `${Number((value / 1000).toPrecision(2))} kHz` : `${Math.round(value)} Hz`);

export class View {
  constructor() {
    this.result = null;
    this.plots = new Map(); // "stem ear" -> canvas
    this.note = h("p", { class: "note", role: "status" });
    this.retry = h("button", { type: "button", hidden: true }, "Try again");
    this.grid = h("div", { class: "plots" });
    this.numbers = h("table", { class: "numbers" });
    this.foot = h("p", { class: "foot" });
    this.root = h(
      "details",
      { class: "audibility", open: true, ontoggle: () => this.#opened() },
      h("summary", {}, h("span", { class: "title" }, "What the listener hears"), (this.head = h("span", {}))),
      h("div", { class: "body" }, this.note, this.retry, this.numbers, this.grid, this.#legend(), this.foot),
    );
    new ResizeObserver(() => this.#schedule()).observe(this.grid);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#schedule());
  }

  get isOpen() {
    return this.root.open && this.root.isConnected;
  }

  #opened() {
    if (this.root.open) this.onopen?.();
  }

  #legend() {
    const entry = (kind, text) => h("span", { class: `key ${kind}` }, h("i", { "aria-hidden": "true" }), text);
    return h(
      "p",
      { class: "legend" },
      entry("range", "level of the stem: 10 to 90 % of the time, line: half of it"),
      entry("before", "half of it, without gain and amplification"),
      entry("deaf", "below the listener's threshold"),
      entry("masking", "hidden by the other stems below this line (average)"),
      entry("strip", "heard in the mix, 0 to 100 % by band"),
    );
  }

  /** Say something in place of the picture. */
  say(text) {
    setText(this.note, text);
    this.note.hidden = !text;
    this.retry.hidden = true;
  }

  fail(text, again) {
    this.say(text);
    this.retry.hidden = false;
    this.retry.onclick = () => {
      this.say("");
      again();
    };
  }

  /** Build the plots of a listener's page: stems by column, ears by row. */
  show(data) {
    this.data = data;
    this.result = null;
    this.plots.clear();
    const { names, labels } = data;
    this.grid.style.setProperty("--stems", String(names.length));
    const cells = EARS.flatMap((ear) =>
      names.map((name, stem) => {
        const canvas = h("canvas", { role: "img" });
        this.plots.set(`${stem} ${ear}`, canvas);
        const symbol = h("span", { class: `symbol ${ear}`, "aria-hidden": "true" }, SYMBOLS[ear]);
        const label = h("figcaption", {}, symbol, ` ${labels[stem]}, ${ear} ear `, h("output", {}));
        return h("figure", { class: "plot", style: `--stem: var(--${stemColour(name)})` }, label, canvas);
      }),
    );
    this.grid.replaceChildren(...cells);
    this.#buildNumbers();
    setText(this.head, `${data.listener_label}, 0 dB FS = ${data.calibration_db_spl} dB SPL`);
    setText(this.foot, data.note);
  }

  #buildNumbers() {
    const { names, labels, aid_label: aid } = this.data;
    const column = (text) => h("th", { scope: "col" }, text);
    const rows = names.map((name, stem) => {
      const cells = Array.from({ length: aid ? 6 : 5 }, () => h("td", {}));
      const title = h("th", { scope: "row", style: `--stem: var(--${stemColour(name)})` }, h("i", {}), labels[stem]);
      return { cells, row: h("tr", {}, title, ...cells) };
    });
    this.rows = rows.map(({ cells }) => cells);
    const heads = ["not amplified", "left ear", "right ear", "playing alone", "masked most by"];
    this.numbers.replaceChildren(
      h("caption", {}, "How much of each stem is heard in this mix, weighted by its energy"),
      h("thead", {}, h("tr", {}, column("Stem"), ...(aid ? [column(`with ${aid}`)] : []), ...heads.map(column))),
      h("tbody", {}, ...rows.map(({ row }) => row)),
    );
  }

  /** Show a result of the worker. */
  draw(result) {
    this.result = result;
    this.say("");
    this.#schedule();
  }

  #schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.result && this.isOpen) this.#paint();
    });
  }

  #paint() {
    const { result, data } = this;
    const shown = result.aided ?? result.unaided;
    const colours = this.#colours();
    data.names.forEach((name, stem) => {
      this.#write(stem, shown);
      EARS.forEach((ear, row) => {
        const canvas = this.plots.get(`${stem} ${ear}`);
        const share = shown.shares[stem][row];
        setText(canvas.previousSibling.querySelector("output"), percent(share));
        setAttribute(canvas, "aria-label", this.#describe(stem, ear, row, shown));
        const curves = {
          levels: shown.distribution[stem][row],
          before: result.before[stem][row][1],
          threshold: data.threshold[ear === "left" ? 0 : 1],
          masking: shown.masking[stem][row],
          heard: shown.bands[stem][row],
        };
        plot(canvas, curves, { ...colours, stem: colours[stemColour(name)], ear: colours[ear] });
      });
    });
  }

  #write(stem, shown) {
    const { result, data } = this;
    const masker = shown.maskers[stem];
    let by = masker === null ? "nothing" : `${data.labels[masker]} (−${percent(shown.masked[stem])})`;
    if (shown.distribution[stem].every(([, half]) => half.every((level) => level === -Infinity))) by = "not playing";
    const texts = [
      ...(result.aided ? [percent(shown.total[stem])] : []),
      percent(result.unaided.total[stem]),
      ...shown.shares[stem].map(percent),
      percent(shown.quiet[stem]),
      by,
    ];
    texts.forEach((text, cell) => setText(this.rows[stem][cell], text));
  }

  /** The picture of a stem and ear in words. */
  #describe(stem, ear, row, shown) {
    const name = `${this.data.labels[stem]}, ${ear} ear`;
    if (Number.isNaN(shown.shares[stem][row])) return `${name}: silent.`;
    const heard = shown.bands[stem][row];
    const lost = stretches(heard.map((share) => share < 0.5));
    const words = lost.map(([first, last]) => `${hertz(BANDS[first])} to ${hertz(BANDS[last])}`).join(", ");
    const where = words ? `Less than half is heard from ${words}.` : "More than half is heard in every band.";
    return `${name}: ${percent(shown.shares[stem][row])} heard in the mix. ${where}`;
  }

  #colours() {
    const style = getComputedStyle(this.root);
    const names = ["vocals", "drums", "bass", "other", "extra", "left", "right", "text", "quiet", "edge", "panel", "deaf"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }
}

const stemColour = (name) => (["vocals", "drums", "bass", "other"].includes(name) ? name : "extra");

/** Where a list of truths is true: `[first, last]` of each stretch. */
function stretches(flags) {
  const found = [];
  flags.forEach((flag, index) => {
    if (flag && flags[index - 1]) found.at(-1)[1] = index;
    else if (flag) found.push([index, index]);
  });
  return found;
}

/** Draw one plot; curves are in dB SPL by band, heard from 0 to 1. */
function plot(canvas, { levels, before, threshold, masking, heard }, colours) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const bottom = height - FOOT - STRIP - 3;
  const span = Math.log(LAST_HZ / FIRST_HZ);
  const x = (frequency) => LEFT + (Math.log(frequency / FIRST_HZ) / span) * (width - LEFT - RIGHT);
  const y = (level) => bottom - (Math.max(level, -TOP_DB) / TOP_DB) * (bottom - HEAD); // what is below 0 is cut off
  const places = BANDS.map(x);
  axes(pen, { x, y, width, height, bottom }, colours);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, HEAD, width - LEFT - RIGHT, bottom - HEAD);
  pen.clip();
  range(pen, places, levels[0].map(y), levels[2].map(y), colours.stem);
  deaf(pen, [LEFT, ...places, width - RIGHT], edged(threshold).map(y), bottom, colours);
  line(pen, places, before.map(y), { colour: colours.quiet, width: 1.2, dash: [1.5, 2.5] });
  line(pen, places, masking.map(y), { colour: colours.text, width: 1.3, dash: [5, 3] });
  line(pen, places, levels[1].map(y), { colour: colours.stem, width: 2.2 });
  line(pen, [LEFT, ...places, width - RIGHT], edged(threshold).map(y), { colour: colours.ear, width: 1.8 });
  pen.restore();
  strip(pen, x, heard, bottom + 3, colours);
}

const edged = (values) => [values[0], ...values, values.at(-1)];

function axes(pen, { x, y, width, height, bottom }, { edge, quiet }) {
  pen.font = "10px system-ui, sans-serif";
  pen.fillStyle = quiet;
  pen.strokeStyle = edge;
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const level of TICKS_DB) {
    pen.beginPath();
    pen.moveTo(LEFT, Math.round(y(level)) + 0.5);
    pen.lineTo(width - RIGHT, Math.round(y(level)) + 0.5);
    pen.stroke();
    pen.fillText(String(level), LEFT - 4, y(level));
  }
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  for (const frequency of TICKS_HZ) {
    pen.beginPath();
    pen.moveTo(Math.round(x(frequency)) + 0.5, HEAD);
    pen.lineTo(Math.round(x(frequency)) + 0.5, bottom);
    pen.stroke();
    pen.fillText(frequency >= 1000 ? `${frequency / 1000}k` : String(frequency), x(frequency), height - 3);
  }
  pen.strokeRect(LEFT + 0.5, HEAD + 0.5, width - LEFT - RIGHT - 1, bottom - HEAD - 1);
}

function range(pen, places, low, high, colour) {
  pen.beginPath();
  places.forEach((place, index) => pen.lineTo(place, high[index]));
  for (let index = places.length - 1; index >= 0; index--) pen.lineTo(places[index], low[index]);
  pen.closePath();
  pen.globalAlpha = 0.3;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 1;
}

/** Veil what lies below the threshold, and hatch it: it must not depend on colour. */
function deaf(pen, places, heights, bottom, { deaf: veil, quiet }) {
  pen.save();
  pen.beginPath();
  pen.moveTo(places[0], bottom);
  places.forEach((place, index) => pen.lineTo(place, heights[index]));
  pen.lineTo(places.at(-1), bottom);
  pen.closePath();
  pen.fillStyle = veil;
  pen.fill();
  pen.clip();
  pen.strokeStyle = quiet;
  pen.globalAlpha = 0.35;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let start = places[0] - bottom; start < places.at(-1); start += 7) {
    pen.moveTo(start, bottom);
    pen.lineTo(start + bottom, 0);
  }
  pen.stroke();
  pen.restore();
}

function line(pen, places, heights, { colour, width, dash = [] }) {
  pen.beginPath();
  places.forEach((place, index) => pen.lineTo(place, heights[index]));
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
}

function strip(pen, x, heard, top, { stem, panel }) {
  heard.forEach((share, band) => {
    const first = x(BANDS[band] * 10 ** -0.05);
    const wide = x(BANDS[band] * 10 ** 0.05) - first - 1;
    pen.fillStyle = panel;
    pen.fillRect(first, top, wide, STRIP);
    if (Number.isNaN(share)) return;
    pen.fillStyle = stem;
    pen.fillRect(first, top + STRIP * (1 - share), wide, STRIP * share);
  });
}
