import { HeadProblem, readFields } from "./fields.ts";
import type { Fields } from "./fields.ts";

export interface ResponseHead extends Fields {
  readonly status: number;
  /** The app takes another request on this connection, and lets its client send one. */
  readonly keepAlive: boolean;
  /** Where its body ends. `close`: with the connection. */
  readonly body: "none" | "length" | "chunked" | "close";
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/** Reads a whole head, CRLF CRLF included. `method` is the request's: it decides whether there is a body. */
export function readResponseHead(text: string, method: string): ResponseHead | HeadProblem {
  const end = text.indexOf("\r\n");
  const parts = statusLine.exec(text.slice(0, end));
  if (parts === null) return new HeadProblem(`its first line is ${JSON.stringify(text.slice(0, Math.min(end, 80)))}`);
  const status = Number(parts[2]);
  const fields = readFields(text, end + 2);
  if (fields instanceof HeadProblem) return fields;
  const { chunked, contentLength, connection } = fields;
  if (chunked && parts[1] === "0") return new HeadProblem("it is HTTP/1.0 with a Transfer-Encoding");
  const bodyless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  const body = bodyless ? "none" : chunked ? "chunked" : contentLength !== null ? "length" : "close";
  return {
    ...fields,
    status,
    keepAlive:
      body !== "close" && (parts[1] === "1" ? !connection.includes("close") : connection.includes("keep-alive")),
    body,
  };
}
