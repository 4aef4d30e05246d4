import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a line end. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  /** Sent exactly so, in this order; Host is not added. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** One request on a connection of its own, byte by byte as told: what `fetch` would tidy up must arrive untidy. */
export function rawRequest(at: { port: number } | { path: string }, request: RawRequest): Promise<RawAnswer> {
  const { method = "GET", path, headers = [], body = "" } = request;
  const length = body === "" ? [] : [["Content-Length", String(Buffer.byteLength(body))] as const];
  const upgrade = headers.some(([name]) => name.toLowerCase() === "upgrade");
  const all = [...headers, ...length, ...(upgrade ? [] : [["Connection", "close"] as const])];
  const head = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)].join("\r\n");
  return new Promise((resolve, reject) => {
    const socket = connect({ ...at, ...("port" in at ? { host: "127.0.0.1" } : {}) } as { port: number });
    let text = "";
    socket.setEncoding("latin1");
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${method} ${path}`)));
    socket.on("connect", () => socket.write(`${head}\r\n\r\n${body}`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      // A switched connection and an event stream stay open: their head is all that is asked for.
      if (text.startsWith("HTTP/1.1 101 ") || /text\/event-stream/i.test(text)) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => (text === "" ? reject(new Error(`${method} ${path}: closed`)) : resolve(parse(text))));
  });
}

function parse(text: string): RawAnswer {
  const mark = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, mark).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    const value = line.slice(line.indexOf(":") + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`;
  }
  return { status: Number(first.split(" ")[1]), headers, body: text.slice(mark + 4) };
}
