// An audiogram to be edited: drag the points, move them with the arrow keys, or type numbers; both show the same levels.
//
// `data`: frame (SVG inside, from our own server), width, height, frequencies (Hz), levels {right, left} in dB HL, key (other
// values of it set the levels anew), and the place of the plot: left, top, right, bottom, hertz [first, last],
// levelRange [top, bottom]. Levels go back as the state "levels": numbers, null where a field is empty.

const SVG = "http://www.w3.org/2000/svg";
const EARS = { right: { colour: "#d9443e", name: "Right", symbol: "O" }, left: { colour: "#3a82de", name: "Left", symbol: "X" } };
const [LOWEST, HIGHEST] = [-20, 120];
const STEP = 5; // dB, as audiometers do; 1 with Shift
const DEBOUNCE = 300; // ms

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".audiogram-editor");
  root.editor ??= new Editor(root);
  root.editor.show(data, setStateValue);
}

class Editor {
  constructor(root) {
    this.root = root;
    for (const type of ["focusout", "pointerup"]) root.addEventListener(type, () => this.flush());
    this.key = null;
  }

  show(data, send) {
    this.data = data;
    this.send = send;
    if (this.key === data.key) return;
    this.key = data.key;
    this.levels = structuredClone(data.levels);
    this.build();
    for (const ear of Object.keys(EARS)) this.draw(ear);
  }

  x(hertz) {
    const [first, last] = this.data.hertz;
    return this.data.left + (Math.log(hertz / first) / Math.log(last / first)) * (this.data.right - this.data.left);
  }

  y(level) {
    const [top, bottom] = this.data.levelRange;
    const inside = Math.min(Math.max(level, top), bottom);
    return this.data.top + ((inside - top) / (bottom - top)) * (this.data.bottom - this.data.top);
  }

  build() {
    const { width, height, frame } = this.data;
    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Audiogram to be edited" });
    svg.innerHTML = frame;
    this.lines = {};
    this.points = {};
    this.fields = {};
    for (const ear of Object.keys(EARS)) {
      const dash = ear === "left" ? "5 3" : "none";
      const line = element("polyline", { fill: "none", stroke: EARS[ear].colour, "stroke-width": 1.5, "stroke-dasharray": dash });
      this.lines[ear] = svg.appendChild(line);
      this.points[ear] = this.data.frequencies.map((hertz, index) => svg.appendChild(this.point(ear, hertz, index)));
    }
    this.svg = svg;
    this.root.replaceChildren(svg, this.table());
  }

  point(ear, hertz, index) {
    const { colour, name, symbol } = EARS[ear];
    const group = element("g", {
      class: "point", tabindex: 0, role: "slider", "aria-orientation": "vertical",
      "aria-label": `${name} ear, ${hertz} Hz, dB HL`, "aria-valuemin": LOWEST, "aria-valuemax": HIGHEST,
    });
    group.append(element("circle", { r: 9, fill: "transparent" })); // easy to hit
    const mark = { fill: "none", stroke: colour, "stroke-width": 1.8 };
    group.append(
      symbol === "O" ? element("circle", { r: 4.5, ...mark })
        : element("path", { d: "M-3.6-3.6l7.2 7.2m0-7.2l-7.2 7.2", ...mark }),
    );
    group.addEventListener("pointerdown", (event) => this.drag(event, group, ear, index));
    group.addEventListener("keydown", (event) => this.press(event, ear, index));
    return group;
  }

  drag(event, group, ear, index) {
    event.preventDefault();
    group.focus();
    group.setPointerCapture(event.pointerId);
    const move = ({ clientY, shiftKey }) => {
      const box = this.svg.getBoundingClientRect();
      const y = ((clientY - box.top) / box.height) * this.data.height;
      const [top, bottom] = this.data.levelRange;
      const level = top + ((y - this.data.top) / (this.data.bottom - this.data.top)) * (bottom - top);
      const step = shiftKey ? 1 : STEP;
      this.set(ear, index, Math.round(level / step) * step);
    };
    group.addEventListener("pointermove", move);
    const end = () => group.removeEventListener("pointermove", move);
    group.addEventListener("pointerup", end, { once: true });
    group.addEventListener("pointercancel", end, { once: true });
  }

  press(event, ear, index) {
    const step = event.shiftKey ? 1 : STEP;
    const level = this.levels[ear][index] ?? 0;
    // Down is a greater loss, as on the chart.
    const moves = { ArrowDown: level + step, ArrowUp: level - step, PageDown: level + 20, PageUp: level - 20 };
    const beside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key in moves) this.set(ear, index, moves[event.key]);
    else if (beside) this.points[ear][index + beside]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  table() {
    const table = document.createElement("table");
    const head = table.insertRow();
    head.append(cell("th", "Hz"), ...this.data.frequencies.map((hertz) => cell("th", String(hertz))));
    for (const [ear, { name, symbol }] of Object.entries(EARS)) {
      const row = table.insertRow();
      row.append(cell("th", `${name} ${symbol}`));
      this.fields[ear] = this.data.frequencies.map((hertz, index) => {
        const field = document.createElement("input");
        Object.assign(field, { type: "number", min: LOWEST, max: HIGHEST, step: "any", ariaLabel: `${name} ear at ${hertz} Hz, dB HL` });
        field.addEventListener("input", () => this.type(ear, index, field));
        row.insertCell().append(field);
        return field;
      });
    }
    return table;
  }

  type(ear, index, field) {
    const value = field.value === "" ? null : Number(field.value);
    this.levels[ear][index] = value;
    field.classList.toggle("wrong", value === null || !(value >= LOWEST && value <= HIGHEST));
    this.draw(ear, field);
    this.tell();
  }

  set(ear, index, level) {
    this.levels[ear][index] = Math.min(Math.max(level, LOWEST), HIGHEST);
    this.draw(ear);
    this.tell();
  }

  draw(ear, typing = null) {
    const { frequencies } = this.data;
    const known = frequencies.map((hertz, index) => [this.x(hertz), this.levels[ear][index]]);
    const line = known.filter(([, level]) => level !== null).map(([x, level]) => `${x},${this.y(level)}`);
    this.lines[ear].setAttribute("points", line.join(" "));
    known.forEach(([x, level], index) => {
      const point = this.points[ear][index];
      point.setAttribute("transform", `translate(${x} ${this.y(level ?? 0)})`);
      point.setAttribute("visibility", level === null ? "hidden" : "visible");
      point.setAttribute("aria-valuenow", level ?? 0);
      const field = this.fields[ear][index];
      if (field === typing) return;
      field.value = level ?? "";
      field.classList.toggle("wrong", level === null);
    });
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), DEBOUNCE);
  }

  /** Send what waits to be sent: before whatever is pressed next, such as Save. */
  flush() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.send("levels", { key: this.key, ...structuredClone(this.levels) });
  }
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function cell(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
