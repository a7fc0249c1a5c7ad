// Ears of the tests on the audio thread.

class ClickTap extends AudioWorkletProcessor {
  process(inputs) {
    const found = [];
    for (let i = 0; i < 128; i++) {
      const values = inputs.map(([channel]) => (channel ? channel[i] : 0));
      if (values.some((value) => Math.abs(value) > 0.01)) found.push({ frame: currentFrame + i, values });
    }
    if (found.length) this.port.postMessage(found);
    return true;
  }
}

const WINDOW = 64; // samples: two periods of the tone, and the grid on which simulated hearing smears
const LEARN = 0.12; // s

/** Tells when the level of the last 64 samples leaves, by 1 dB, those that it had for a while after it was armed. */
class LevelTap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.state = "idle";
    this.past = new Float64Array(WINDOW + 128);
    this.port.onmessage = () => (this.state = "armed");
  }

  process([[channel]]) {
    if (!channel) return true;
    this.past.copyWithin(0, channel.length);
    this.past.set(channel, WINDOW);
    let power = 0;
    for (let i = 0; i < WINDOW; i++) power += this.past[i] ** 2;
    const levels = Float64Array.from(channel, (sample, i) => {
      power += sample ** 2 - this.past[i] ** 2;
      return Math.sqrt(Math.max(power, 0) / WINDOW);
    });
    if (this.state === "idle") return true;
    if (this.state === "armed") {
      [this.lowest, this.highest, this.learnt] = [Infinity, 0, 0];
      this.state = levels[0] > 1e-6 ? "learning" : "armed";
    }
    if (this.state === "learning") {
      this.lowest = Math.min(this.lowest, ...levels);
      this.highest = Math.max(this.highest, ...levels);
      this.learnt += channel.length;
      if (this.learnt > LEARN * sampleRate) this.state = "waiting";
    }
    if (this.state !== "waiting") return true;
    const step = 10 ** (1 / 20);
    for (let i = 0; i < channel.length; i++) {
      if (levels[i] < this.highest * step && levels[i] > this.lowest / step) continue;
      this.port.postMessage({
        time: (currentFrame + i) / sampleRate,
        wall: Date.now() + 0.5 + (1000 * i) / sampleRate,
      });
      this.state = "idle";
      break;
    }
    return true;
  }
}

/** Sends on all that it hears, both ears. */
class RecordTap extends AudioWorkletProcessor {
  process([[left, right]]) {
    if (left) this.port.postMessage({ frame: currentFrame, left: left.slice(), right: (right ?? left).slice() });
    return true;
  }
}

registerProcessor("record-tap", RecordTap);
registerProcessor("click-tap", ClickTap);
registerProcessor("level-tap", LevelTap);
