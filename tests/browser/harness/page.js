// What the tests call: mount the mixer as Streamlit would, listen to its nodes, measure.

import { mount as mountAudibility } from "/assets/audibility/index.js";
import { mount } from "/assets/mixer/index.js";

const sent = [];
let end = null;

window.harness = {
  sent,

  /** Mount with this data; resolves once the sounds are there or have failed. */
  async mount(data) {
    end?.();
    const parentElement = document.getElementById("place");
    end = mount({
      data: { session: "s", ...data },
      parentElement,
      setStateValue: (key, value) => sent.push([key, value]),
    });
    await this.until(
      () => cadenzaMixer.engine.isReady || cadenzaMixer.engine.failures.length === data.lanes.length + 1,
    );
  },

  /** Show the picture of what is heard below the mixer; resolves once it is drawn. */
  async showAudibility(data) {
    mountAudibility({ data, parentElement: document.getElementById("picture") });
    await this.until(() => cadenzaAudibility.result);
  },

  async until(condition, timeout = 20000) {
    const start = performance.now();
    while (!condition()) {
      if (performance.now() - start > timeout) throw new Error(`timed out: ${condition}`);
      await this.sleep(20);
    }
  },

  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),

  /** Listen to nodes: gives an array that fills with {frame, values} wherever a node's sample is above 0.01. */
  async listenForClicks(nodes) {
    const { context } = cadenzaMixer.engine;
    await context.audioWorklet.addModule("/harness/taps.worklet.js");
    const tap = new AudioWorkletNode(context, "click-tap", { numberOfInputs: nodes.length, numberOfOutputs: 0 });
    const heard = [];
    tap.port.onmessage = ({ data }) => heard.push(...data);
    nodes.forEach((node, index) => node.connect(tap, 0, index));
    return heard;
  },

  /** Begin to record what leaves the page; `heard()` gives it, left ear then right, as base64 of float32. */
  async record() {
    const { context, safety } = cadenzaMixer.engine;
    await context.audioWorklet.addModule("/harness/taps.worklet.js");
    const tap = new AudioWorkletNode(context, "record-tap", { numberOfOutputs: 0, channelCount: 2 });
    const blocks = [];
    tap.port.onmessage = ({ data }) => blocks.push(data);
    safety.guard.connect(tap);
    this.heard = () =>
      ["left", "right"].map((ear) => {
        const samples = new Float32Array(128 * blocks.length);
        blocks.forEach((block, index) => samples.set(block[ear], 128 * index));
        return base64(samples);
      });
    // By the sound's own clock: what has been rendered may not be here yet.
    this.heardFrames = () => Math.round(context.currentTime * context.sampleRate) - blocks[0].frame;
  },

  /** Move a slider; resolves with the ms until the output has changed by 1 dB, on the wall and in the sound's own time. */
  async latency(slider, position) {
    const { context } = cadenzaMixer.engine;
    if (!this.levelTap) {
      await context.audioWorklet.addModule("/harness/taps.worklet.js");
      this.levelTap = new AudioWorkletNode(context, "level-tap", { numberOfInputs: 1, numberOfOutputs: 0 });
      cadenzaMixer.engine.graph.output.connect(this.levelTap);
    }
    const answer = new Promise((done, fail) => {
      this.levelTap.port.onmessage = ({ data }) => done(data);
      setTimeout(() => fail(new Error("no change of 1 dB within 5 s")), 5000);
    });
    await this.sleep(120); // the last change is over
    this.levelTap.port.postMessage("arm");
    await this.sleep(150 + 40 * Math.random()); // it has learnt the level
    slider.value = String(position);
    const wall = performance.timeOrigin + performance.now();
    const sound = context.currentTime;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const changed = await answer;
    return { wall: changed.wall - wall, sound: 1000 * (changed.time - sound) };
  },

  /** Render as the engine does; gives the samples as two base64 strings of float32. */
  async render(options) {
    const buffer = await cadenzaMixer.engine.render(options);
    return [0, 1].map((row) => base64(buffer.getChannelData(row).slice()));
  },
};

function base64(samples) {
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}
