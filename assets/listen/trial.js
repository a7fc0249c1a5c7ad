// One trial: its sounds, its questions, and the button that sends the answer once everything was heard and answered.

import { h } from "../mixer/dom.js";
import { KEYMAP } from "./keys.js";
import { Player } from "./player.js";
import { Choice, Slider } from "./ratings.js";

export class Trial {
  /**
   * @param {PlayerEngine} engine
   * @param {object} state as the server gives it
   * @param {(answer: object) => Promise<void>} answered
   */
  constructor(engine, state, answered) {
    this.engine = engine;
    this.state = state;
    this.trial = state.trial;
    this.answered = answered;
    this.since = performance.now();
    this.away = 0; // ms in pauses
    this.player = new Player(engine, this.trial, () => this.#update());
    this.questions = []; // {place, name, widget}
    const practice = this.trial.phase === "training";
    this.heading = h("h1", { tabindex: "-1" }, ...(practice ? [h("small", {}, "Practice")] : []), state.task);
    this.missing = h("p", { class: "quiet missing" });
    this.next = h("button", { type: "button", class: "primary", onclick: () => this.#submit() }, "Next");
    this.comment = h("textarea", { maxlength: 2000, rows: 2, "aria-label": "Comment" });
    this.notice = h("div", { class: "problems", role: "alert", hidden: true });
    this.help = this.#helpDialog();
    this.root = h(
      "div",
      { class: `trial ${state.kind}` },
      this.heading,
      this.trial.query ? h("p", { class: "query" }, h("small", {}, "Description of the sound"), `“${this.trial.query}”`) : null,
      this.player.root,
      this.#answers(),
      state.comments ? h("details", {}, h("summary", {}, "Add a comment, if you like"), this.comment) : null,
      this.notice,
      h("div", { class: "actions" }, this.missing, this.next),
      this.help,
    );
    this.player.load();
    // The volume was set before: the first sound is heard as it is, not faded in as on a page where nobody knows the volume.
    engine.safety.heard = true;
  }

  // ---- questions ----------------------------------------------------------------------------------------------------

  #answers() {
    const { kind } = this.state;
    const build = { panel: () => this.#panel(), relovl: () => this.#relovl(), mushra: () => this.#mushra() };
    return (build[kind] ?? (() => this.#pair()))();
  }

  #ask(place, widget) {
    this.questions.push({ place, widget });
    return widget.root;
  }

  #question(scale, root) {
    const help = scale.help ? h("small", { class: "quiet" }, scale.help) : null;
    return h("div", { class: "question" }, h("div", { class: "asked" }, h("b", {}, scale.title), help), root);
  }

  #panel() {
    const rows = this.state.scales.map((scale) =>
      this.#question(scale, this.#ask("1", new Slider(scale, scale.title, () => this.#update()))),
    );
    return h("section", { class: "questions", "aria-label": "Your answers" }, ...rows);
  }

  #relovl() {
    const steps = [1, 2, 3, 4, 5].map((value) => ({ value, label: String(value) }));
    const rows = this.state.scales.map((scale) =>
      this.#question(
        { ...scale, help: "1 is the lowest, 5 the highest" },
        this.#ask("1", new Choice(scale.name, scale.title, steps, () => this.#update())),
      ),
    );
    return h(
      "section",
      { class: "questions", "aria-label": "Your answers" },
      h("div", { class: "sounds" }, ...this.player.buttons.values()),
      ...rows,
    );
  }

  #mushra() {
    const [scale] = this.state.scales;
    const rows = this.trial.sounds.map(({ id, label }) => {
      const button = this.player.buttons.get(id);
      if (id === "0") return h("div", { class: "row reference" }, button);
      const slider = new Slider(scale, `${scale.title} of sound ${label}`, () => this.#update());
      slider.input.addEventListener("focus", () => this.engine.playing && this.player.choose(id));
      return h("div", { class: "row" }, button, this.#ask(id, slider));
    });
    return h("section", { class: "questions", "aria-label": "Your answers" }, ...rows);
  }

  #pair() {
    const [scale] = this.state.scales;
    const options = [
      { value: 1, label: "A" },
      { value: 2, label: "B" },
    ];
    const choice = new Choice(scale.name, scale.title, options, () => this.#update());
    return h(
      "section",
      { class: "questions", "aria-label": "Your answers" },
      h("div", { class: "sounds" }, ...this.player.buttons.values()),
      this.#question({ ...scale, help: "" }, this.#ask("pair", choice)),
    );
  }

  /** The answers as the server takes them: {place: {scale: value}}. */
  get ratings() {
    const { kind, scales } = this.state;
    const [{ widget: first }] = this.questions;
    const [{ name }] = scales;
    if (kind === "abx") return { 3: { [name]: first.value } };
    if (kind === "preference") return { 1: { [name]: Number(first.value === 1) }, 2: { [name]: Number(first.value === 2) } };
    const found = {};
    for (const { place, widget } of this.questions) (found[place] ??= {})[widget.name] = widget.value;
    return found;
  }

  // ---- what is missing, and sending ---------------------------------------------------------------------------------

  #update() {
    if (!this.root) return;
    const unheard = this.player.unheard;
    const open = this.questions.filter(({ widget }) => !widget.isSet);
    const single = this.trial.sounds.length === 1;
    const parts = [];
    if (unheard.length && single) parts.push("listen to all of it");
    else if (unheard.length) parts.push(`listen to ${unheard.map(({ label }) => label).join(", ")}`);
    if (open.length) parts.push(open.length > 2 ? `answer ${open.length} questions` : `answer: ${open.map(({ widget }) => widget.label).join(", ")}`);
    this.complete = parts.length === 0;
    const text = parts.length ? `Still to do: ${parts.join("; ")}.` : "";
    if (this.missing.textContent !== text) this.missing.textContent = text;
    this.next.setAttribute("aria-disabled", String(!this.complete || Boolean(this.sending)));
    this.open = open;
  }

  async #submit() {
    this.#update();
    if (this.sending) return;
    if (!this.complete) {
      document.getElementById("said").textContent = this.missing.textContent;
      (this.player.unheard.length ? this.player.play : this.open[0].widget).focus();
      return;
    }
    this.engine.pause();
    this.sending = true;
    this.next.textContent = "Saving…";
    this.#update();
    const { plays, heard_s, switches } = this.engine.report();
    const answer = {
      trial: this.trial.id,
      number: this.trial.number,
      ratings: this.ratings,
      comment: this.comment.value,
      seconds: Math.round(performance.now() - this.since - this.away) / 1000,
      log: { plays, heard_s, switches },
    };
    await this.answered(answer);
    this.sending = false;
    this.next.textContent = "Next";
    this.#update();
  }

  /** Say what has happened to the answer; nothing takes it away again. */
  say(text) {
    this.notice.hidden = !text;
    this.notice.replaceChildren(text);
  }

  // ---- commands -----------------------------------------------------------------------------------------------------

  choose(id) {
    this.player.choose(id);
  }

  toggleLoop() {
    this.player.toggleLoop();
  }

  #helpDialog() {
    const rows = KEYMAP.map(({ keys, does }) =>
      h("tr", {}, h("td", {}, ...keys.map((key) => h("kbd", {}, key))), h("td", {}, does)),
    );
    const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const dialog = h("dialog", { "aria-label": "Keyboard" }, h("table", {}, h("tbody", {}, ...rows)), close);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    return dialog;
  }

  showHelp() {
    if (!this.help.open) this.help.showModal();
  }

  close() {
    this.player.close();
  }
}
