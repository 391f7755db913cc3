/**
 * Reads an event stream (server-sent events) out of the body of an answer, however it is cut into pieces.
 */

/**
 * The events, as they come. Comments are left out; an event that was not ended by a blank line is none.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{name: string, data: string}>}
 */
export async function* eventsOf(body) {
  let event = { name: "", data: [] };
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (event.data.length > 0) yield { name: event.name, data: event.data.join("\n") };
      event = { name: "", data: [] };
      continue;
    }
    const value = line.slice(line.indexOf(":") + 1).replace(/^ /, "");
    if (line.startsWith("event:")) event.name = value;
    else if (line.startsWith("data:")) event.data.push(value);
  }
}

/** The lines of a body. A line of several megabytes is put together once, at its end. */
async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pieces = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const [first, ...others] = value.split("\n");
      pieces.push(first);
      for (const next of others) {
        const line = pieces.join("");
        pieces = [next];
        yield line.endsWith("\r") ? line.slice(0, -1) : line;
      }
    }
    if (pieces.join("") !== "") yield pieces.join("");
  } finally {
    // Whoever stops listening lets the connection go; after an error there is nothing left to cancel.
    reader.cancel().catch(() => undefined);
  }
}
