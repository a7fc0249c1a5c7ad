// Small helpers for building elements and writing numbers.

/** Make an element: `h("button", {class: "x", onclick: f, "aria-label": "y"}, ...children)`. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A picture of one path in a 24 x 24 box. */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = `<path d="${path}"/>`;
  return svg;
}

/** Write only what has changed: a text node that is replaced sixty times a second costs layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Seconds as m:ss.t */
export function clock(seconds) {
  const tenths = Math.floor(Math.max(seconds, 0) * 10 + 1e-6);
  const rest = ((tenths % 600) / 10).toFixed(1);
  return `${Math.floor(tenths / 600)}:${rest.padStart(4, "0")}`;
}

/** A level with a true minus sign; "–∞" for silence, "–" for what is not known. */
export function level(value, { sign = false } = {}) {
  if (Number.isNaN(value) || value === undefined) return "–";
  if (value === null || value === -Infinity) return "−∞";
  const rounded = Math.round(value * 10) / 10;
  const text = Math.abs(rounded).toFixed(1);
  if (rounded < 0) return `−${text}`;
  return sign && rounded > 0 ? `+${text}` : text;
}

/** A gain as typed: "-3", "−3,5", "+2 dB", "mute" or "-inf" (null: silent); undefined if it is none. */
export function parseGain(text) {
  const plain = text
    .trim()
    .toLowerCase()
    .replace("−", "-")
    .replace(",", ".")
    .replace(/\s*db$/, "");
  if (["mute", "-inf", "-∞"].includes(plain)) return null;
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : undefined;
}
