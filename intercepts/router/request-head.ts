import { HeadProblem, readFields } from "./fields.ts";
import type { Fields } from "./fields.ts";

/** A request, as far as forwarding it and choosing its upstream need to know. */
export interface RequestHead extends Fields {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
  /** The client keeps the connection for its next request. */
  readonly keepAlive: boolean;
  readonly hasBody: boolean;
  /** Sending it twice does what sending it once does, and there is no body that would have to be kept for it. */
  readonly repeatable: boolean;
}

/** An answer of ours in the place of the app's. */
export class Refusal {
  readonly status: 400 | 405 | 408 | 417 | 431 | 502 | 503 | 504;
  readonly sentence: string;
  constructor(status: Refusal["status"], sentence: string) {
    this.status = status;
    this.sentence = sentence;
  }
}

const requestLine = /^([A-Z][A-Z0-9_-]{0,31}) ([\x21\x22\x24-\x7e]+) HTTP\/1\.([01])$/;
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Sending it twice does what sending it once does (RFC 9110, section 9.2.2). */
export const isIdempotent = (method: string): boolean => idempotent.has(method);

/** Reads a whole head, CRLF CRLF included. */
export function readRequestHead(text: string): RequestHead | Refusal {
  const end = text.indexOf("\r\n");
  const line = text.slice(0, end);
  const parts = requestLine.exec(line);
  if (parts === null) return malformed(`its first line can't be read: ${JSON.stringify(line.slice(0, 80))}`);
  const [, method = "", target = "", minor] = parts;
  if (method === "CONNECT") return new Refusal(405, "CONNECT asks for a forward proxy, and this is none");
  if (!target.startsWith("/") && !(target === "*" && method === "OPTIONS")) {
    return malformed(`its target must be a path, not ${JSON.stringify(target.slice(0, 80))}`);
  }
  const fields = readFields(text, end + 2);
  if (fields instanceof HeadProblem) return malformed(fields.sentence);
  const { hosts, chunked, contentLength, connection, expect } = fields;
  if (minor === "1" ? hosts !== 1 : hosts > 1) return malformed(`it has ${hosts} Host headers`);
  if (minor === "0" && chunked) return malformed("it is HTTP/1.0 with a Transfer-Encoding");
  if (expect !== "" && expect !== "100-continue")
    return new Refusal(417, "it expects something other than 100-continue");
  const hasBody = chunked || (contentLength ?? 0) > 0;
  return {
    ...fields,
    method,
    target,
    minor: minor === "1" ? 1 : 0,
    keepAlive: minor === "1" ? !connection.includes("close") : connection.includes("keep-alive"),
    hasBody,
    repeatable: !hasBody && fields.upgrade === "" && isIdempotent(method),
  };
}

const malformed = (sentence: string) => new Refusal(400, `the request can't be read in one way only: ${sentence}`);

/**
 * The head without its wish for cleartext HTTP/2: a connection that became HTTP/2 after 101 could not be looked into (h2c
 * smuggling), and whoever asks that way takes HTTP/1.1 too (RFC 9113, section 3.1, has dropped it).
 */
export function withoutH2cUpgrade(text: string): string {
  const kept = text
    .slice(0, -4)
    .split("\r\n")
    .filter((line) => !/^(?:upgrade|http2-settings|connection):/i.test(line));
  return `${kept.join("\r\n")}\r\n\r\n`;
}

export const wantsH2c = ({ upgrade }: Fields): boolean => upgrade.split(/[ \t]*,[ \t]*/).includes("h2c");
