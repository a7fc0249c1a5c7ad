// The headphone check's sounds: a tone in one ear, and three tones of which one is softer (Woods et al. 2017, "Headphone
// screening to facilitate web-based auditory experiments": 200 Hz, one tone in antiphase, one 6 dB softer; over loudspeakers
// the one in antiphase cancels itself and seems the softest).

const HERTZ = 200;
const SIDE_HERTZ = 500;
const LENGTH = 1; // s
const REST = 0.5; // s
const RAMP = 0.1; // s
const LEVEL = 0.1; // full scale 1
const SOFTER = 10 ** (-6 / 20);
const START = 0.1; // s

/** A tone in one ear: "left" or "right". */
export function playSide(context, side, volume) {
  tone(context, SIDE_HERTZ, context.currentTime + START, LEVEL * volume * (side === "left" ? 1 : 0), LEVEL * volume * (side === "right" ? 1 : 0));
}

/** Three tones in a random order; gives which one (0, 1, 2) is the softest. */
export function playThree(context, volume) {
  const level = LEVEL * volume;
  const kinds = [
    [level, level],
    [level, -level],
    [SOFTER * level, SOFTER * level],
  ];
  const order = shuffled([0, 1, 2]);
  order.forEach((kind, index) => tone(context, HERTZ, context.currentTime + START + index * (LENGTH + REST), ...kinds[kind]));
  return order.indexOf(2);
}

export function shuffled(items) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function tone(context, hertz, at, left, right) {
  const source = new OscillatorNode(context, { frequency: hertz });
  const envelope = new GainNode(context, { gain: 0 });
  envelope.gain.setValueAtTime(0, at);
  envelope.gain.linearRampToValueAtTime(1, at + RAMP);
  envelope.gain.setValueAtTime(1, at + LENGTH - RAMP);
  envelope.gain.linearRampToValueAtTime(0, at + LENGTH);
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  source.connect(envelope);
  [left, right].forEach((gain, ear) => envelope.connect(new GainNode(context, { gain })).connect(merger, 0, ear));
  merger.connect(context.destination);
  source.start(at);
  source.stop(at + LENGTH);
  source.onended = () => merger.disconnect();
}
