// A player of one short sound: fetched whole, decoded, played by Web Audio. What plays lives on globalThis and outlives
// reruns of the page; leaving the page stops it.

const LEAVING = 800; // ms without a mount after which the page counts as left
const FADE = 0.005; // s

function create() {
  return { context: null, buffers: new Map(), source: null, url: null, asked: null, began: 0, view: null, mounts: 0, leaving: 0 };
}

async function load(player, url) {
  if (player.buffers.has(url)) return player.buffers.get(url);
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new Error("The sound could not be loaded: the server does not answer.");
  }
  if (!response.ok) throw new Error(`The sound could not be loaded: the server answered ${response.status}.`);
  const bytes = await response.arrayBuffer();
  let buffer;
  try {
    buffer = await player.context.decodeAudioData(bytes);
  } catch {
    throw new Error("The sound could not be loaded: the browser cannot decode it.");
  }
  if (player.buffers.size > 20) player.buffers.delete(player.buffers.keys().next().value);
  player.buffers.set(url, buffer);
  return buffer;
}

function stop(player) {
  if (!player.source) return;
  const { source, gain } = player.source;
  player.source = null;
  source.onended = null;
  gain.gain.setTargetAtTime(0, player.context.currentTime, FADE);
  source.stop(player.context.currentTime + 6 * FADE);
  player.view?.show();
}

async function play(player, url) {
  player.context ??= new AudioContext();
  player.url = url;
  player.view?.say("");
  try {
    const ready = player.context.resume();
    const buffer = await load(player, url);
    if (player.url !== url) return; // another one was asked for meanwhile
    await ready;
    stop(player);
    const source = new AudioBufferSourceNode(player.context, { buffer });
    const gain = new GainNode(player.context);
    source.connect(gain).connect(player.context.destination);
    source.onended = () => {
      if (player.source?.source !== source) return;
      player.source = null;
      player.view?.show();
    };
    source.start();
    player.source = { source, gain, url };
    player.began = player.context.currentTime;
    player.view?.show();
  } catch (error) {
    player.view?.say(error.message);
  }
}

/** The default export of the component. */
export default function ({ data, parentElement }) {
  const player = (globalThis.cadenzaClip ??= create());
  const mine = ++player.mounts;
  clearTimeout(player.leaving);
  const root = parentElement.querySelector(".cadenza-clip");
  const button = root.querySelector("button");
  const bar = root.querySelector(".clip-bar");
  const fill = root.querySelector(".clip-bar i");
  const fault = root.querySelector(".clip-fault");
  root.querySelector(".clip-title").textContent = data.title;
  root.querySelector(".clip-detail").textContent = data.detail;
  button.disabled = !data.url;

  const playing = () => player.source !== null && player.source.url === data.url;
  let frame = 0;
  const draw = () => {
    if (player.mounts !== mine) return;
    const share = playing() ? Math.min(1, (player.context.currentTime - player.began) / data.seconds) : 0;
    fill.style.width = `${100 * share}%`;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    if (playing()) frame = requestAnimationFrame(draw);
  };
  player.view = {
    show() {
      button.setAttribute("aria-label", playing() ? "Stop" : "Play");
      button.dataset.state = playing() ? "playing" : "still";
      cancelAnimationFrame(frame);
      draw();
    },
    say(text) {
      fault.textContent = text;
    },
  };
  button.onclick = () => (playing() ? stop(player) : play(player, data.url));
  player.view.show();
  // A new request plays by itself; the same one, sent again by a rerun, does not.
  if (data.url && data.nonce && data.nonce !== player.asked) {
    player.asked = data.nonce;
    play(player, data.url);
  }
  return () => {
    if (player.mounts !== mine) return;
    player.leaving = setTimeout(() => stop(player), LEAVING);
  };
}
