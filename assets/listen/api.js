// What is sent to the server, until it is acknowledged.

const LONGEST = 8000; // ms between two attempts
const PATIENCE = 15000; // ms for one

/** The server has understood, and said no. */
export class Refusal extends Error {
  constructor(reason, text) {
    super(text);
    this.reason = reason;
  }
}

const here = location.pathname.replace(/\/$/, "");

/**
 * Send something and give the answer. While the server is not to be reached, or cannot store it, it is sent again: the
 * server takes the same answer twice for once.
 * @param {string} path below this page's address
 * @param {object} content
 * @param {(attempt: number) => void} waiting told before each further attempt, and with 0 when it is over
 */
export async function send(path, content, waiting = () => {}) {
  const body = JSON.stringify(content);
  for (let attempt = 1; ; attempt++) {
    const answer = await once(path, body);
    if (answer) {
      if (attempt > 1) waiting(0);
      return answer;
    }
    waiting(attempt);
    await new Promise((done) => setTimeout(done, Math.min(LONGEST, 500 * 2 ** (attempt - 1))));
  }
}

async function once(path, body) {
  let response;
  let content;
  try {
    response = await fetch(`${here}/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      keepalive: body.length < 60000, // it arrives even if the page is closed now
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
    });
    content = await response.json();
  } catch {
    return null;
  }
  if (response.ok) return content;
  if (response.status >= 500 && content.reason !== "gone") return null;
  throw new Refusal(content.reason, content.text);
}
