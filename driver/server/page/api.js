// Requests to the server, with the token where it asks for one. One place knows how answers and errors look.
import { askForToken } from "./token_dialog.js";

const kTokenKey = "opoloop-token";

/** What went wrong, in the server's own words where it said something. */
export class RequestError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const hasToken = () => sessionStorage.getItem(kTokenKey) !== null;

async function send(path, options) {
  const headers = new Headers(options.headers);
  const token = sessionStorage.getItem(kTokenKey);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("The server does not answer.", 0, "unreachable");
  }
}

async function errorOf(response) {
  try {
    const { error } = await response.json();
    return new RequestError(error.message, response.status, error.code);
  } catch {
    return new RequestError(`The server answered ${response.status}.`, response.status, "");
  }
}

/** A request; asks for the token as often as the server refuses what it got. */
export async function request(path, options = {}) {
  for (;;) {
    const sent = sessionStorage.getItem(kTokenKey);
    const response = await send(path, options);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (response.status !== 401) throw error;
    // Somebody else may have been asked while this request was under way.
    if (sessionStorage.getItem(kTokenKey) !== sent) continue;
    const token = await askForToken(sent === null ? "" : error.message);
    sessionStorage.setItem(kTokenKey, token);
  }
}

export const getJson = async (path, options) => (await request(path, options)).json();

/** Server-sent events by fetch, which unlike EventSource can send the token. Calls onEvent(name, data) until
 *  the stream ends. */
export async function readEvents(path, signal, onEvent) {
  const response = await request(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : new RequestError("The stream broke off.", 0, "unreachable");
    });
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) data.push(line.slice(6));
      }
      if (data.length > 0) onEvent(name, JSON.parse(data.join("\n")));
    }
  }
}

/** Saves what is behind a path as a file. */
export async function download(path, name) {
  const link = document.createElement("a");
  link.download = name;
  if (!hasToken()) {
    link.href = path;  // the browser writes it to the disk as it comes
    link.click();
    return;
  }
  const blob = await (await request(path)).blob();
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
