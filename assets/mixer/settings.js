// What the user can set, as plain data: the mixer's state without any sound. Gains are in dB; null is -inf (silent).

export const MIN_DB = -60;
export const MAX_DB = 24;
export const EARS = ["left", "right"];
export const HEAR = ["original", "remix", "aided", "reference", "reference_aided", "msbg", "msbg_aided"];
/** Which ears hear as the listener's do, by the live approximation. */
export const SIMULATIONS = ["off", "both", "left", "right"];

export const laneDefaults = () => ({ left: 0, right: 0, linked: true, mute: false, solo: false });

export function defaults(names) {
  return {
    gains: Object.fromEntries(names.map((name) => [name, laneDefaults()])),
    master_db: 0,
    limiter: true,
    hear: "remix",
    match_loudness: false,
    simulation: "off",
  };
}

/** A gain from outside: null (silent) stays, numbers are limited to -60..24 dB, anything else becomes `otherwise`. */
export function gain(value, otherwise = 0) {
  if (value === null) return null;
  if (typeof value !== "number" || Number.isNaN(value)) return otherwise;
  return Math.round(100 * Math.min(MAX_DB, Math.max(MIN_DB, value))) / 100;
}

/** Complete settings from whatever arrived (a shared link may hold anything): what makes no sense takes its default. */
export function sanitise(raw, names) {
  const clean = defaults(names);
  const given = raw && typeof raw === "object" ? raw : {};
  for (const name of names) {
    const lane = given.gains?.[name];
    if (!lane || typeof lane !== "object") continue;
    const left = gain(lane.left);
    const right = gain(lane.right);
    clean.gains[name] = {
      left,
      right,
      linked: left === right && lane.linked !== false,
      mute: lane.mute === true,
      solo: lane.solo === true,
    };
  }
  clean.master_db = gain(given.master_db) ?? 0;
  if (typeof given.limiter === "boolean") clean.limiter = given.limiter;
  if (HEAR.includes(given.hear)) clean.hear = given.hear;
  clean.match_loudness = given.match_loudness === true;
  if (SIMULATIONS.includes(given.simulation)) clean.simulation = given.simulation;
  return clean;
}

export const factor = (decibels) => (decibels === null ? 0 : 10 ** (decibels / 20));
export const decibels = (value) => (value > 0 ? 20 * Math.log10(value) : -Infinity);

/** Whether a lane sounds: mute wins over solo; with any solo on, only solo lanes sound. */
export function audible(settings, name) {
  const lane = settings.gains[name];
  const anySolo = Object.values(settings.gains).some((other) => other.solo);
  return !lane.mute && (lane.solo || !anySolo);
}

/** The factor that one ear of one lane is multiplied by. */
export function earFactor(settings, name, ear) {
  return audible(settings, name) ? factor(settings.gains[name][ear]) : 0;
}

// The fader: 0 dB in the middle of -100..100, fine near it, -60 and +24 dB at the ends.
const BEND = 1.6;

export function faderToDb(position) {
  const reach = position < 0 ? MIN_DB : MAX_DB;
  return Math.round(10 * reach * Math.abs(position / 100) ** BEND) / 10;
}

export function dbToFader(value) {
  if (value === null) return -100;
  return Math.sign(value) * 100 * (Math.abs(value) / (value < 0 ? -MIN_DB : MAX_DB)) ** (1 / BEND);
}
