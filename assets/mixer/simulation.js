// Which ears hear as the listener's do. What that takes is loaded when it is first wanted, and again for another listener.

import { addHearing, fetchNumbers } from "./hearing.js";
import { EARS } from "./settings.js";

export class Simulation {
  constructor() {
    this.url = null; // of the numbers in use
    this.numbers = null;
    this.loading = null; // {url, done}: a promise that never fails
    this.failure = ""; // a sentence
    this.failed = null; // the url that it is about
  }

  /** The ears of a setting ("off", "both", "left", "right"), by row. */
  static ears(setting) {
    return EARS.map((ear) => setting === "both" || setting === ear);
  }

  /** Whether the numbers behind `url` are in use. */
  has(url) {
    return this.url === url && this.numbers !== null;
  }

  /**
   * Simulate these ears of the listener behind `url`.
   * @param {import("./hearing.js").Hearing} hearing
   * @param {string} url
   * @param {() => boolean[]} wanted by row; asked once more when everything is there
   * @param {number} wait s before anything changes
   * @returns {Promise<void>} when it is so, or has failed (see `failure`): then `forgive` has to come before another try
   */
  async apply(hearing, url, wanted, wait = 0) {
    if (this.has(url) || !wanted().some(Boolean)) {
      this.forgive();
      hearing.choose(wanted(), wait);
      return;
    }
    if (this.failed === url) return;
    if (this.loading?.url !== url) this.loading = { url, done: this.#load(hearing, url, wanted) };
    await this.loading.done;
  }

  /** Try again what has failed. */
  forgive() {
    this.failure = "";
    this.failed = null;
  }

  async #load(hearing, url, wanted) {
    try {
      const [numbers] = await Promise.all([fetchNumbers(url), addHearing(hearing.context)]);
      if (this.loading?.url !== url) return; // another listener was chosen meanwhile
      hearing.use(numbers);
      hearing.choose(wanted());
      [this.url, this.numbers] = [url, numbers];
    } catch (error) {
      if (this.loading?.url === url) [this.failure, this.failed] = [error.message, url];
    } finally {
      if (this.loading?.url === url) this.loading = null;
    }
  }
}
