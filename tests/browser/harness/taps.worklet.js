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

const QUARTER = 8; // samples: of the tone's period, which is 32

/** Tells when the level has left, by 1 dB, the one that it had when armed: of a constant, or of a tone of 32 samples. */
class LevelTap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.state = "idle";
    this.before = new Float32Array(QUARTER);
    this.port.onmessage = () => (this.state = "armed");
  }

  process([[channel]]) {
    if (!channel) return true;
    // Two samples a quarter of a period apart give the amplitude.
    const earlier = (i) => (i < QUARTER ? this.before[i] : channel[i - QUARTER]);
    const levels = Float32Array.from(channel, (sample, i) => Math.hypot(sample, earlier(i)));
    this.before.set(channel.subarray(channel.length - QUARTER));
    if (this.state === "idle") return true;
    if (this.state === "armed") {
      this.level = levels[0];
      this.state = this.level ? "waiting" : "armed";
    }
    if (this.state === "armed") return true;
    const step = 10 ** (1 / 20);
    for (let i = 0; i < channel.length; i++) {
      const ratio = levels[i] / this.level;
      if (ratio < step && ratio > 1 / step) continue;
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
