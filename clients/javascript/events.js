// Server-sent events. Written out because EventSource sends no headers and is not in Node.

/** {name, data, id} of each event of a stream of bytes. */
export async function* splitEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", name = "message", data = [], id;
  try {
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const whole of lines) {
        const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
        if (line === "") {
          if (data.length > 0) yield { name, data: JSON.parse(data.join("\n")), id };
          name = "message";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const key = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (key === "event") name = text;
        else if (key === "data") data.push(text);
        else if (key === "id") id = text;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
