/**
 * The header fields of a head, looked at for one question only: can where its message ends be read in one way, and one way
 * only? Two programs that answer it differently are request smuggling (RFC 9112, section 11.2), so whatever is in doubt
 * is a problem, and a problem ends the connection.
 */
export interface Fields {
  readonly hosts: number;
  readonly contentLength: number | null;
  readonly chunked: boolean;
  /** Options of the Connection header, in lower case. */
  readonly connection: readonly string[];
  /** The Upgrade header, in lower case; "" when there is none. */
  readonly upgrade: string;
  readonly expect: string;
  readonly contentType: string;
}

/** A sentence that says what is wrong. */
export class HeadProblem {
  readonly sentence: string;
  constructor(sentence: string) {
    this.sentence = sentence;
  }
}

/** Whole header lines up to the empty one: no bare CR or LF, no folding, no space before the colon, no control characters. */
const lines = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;
/** What no head may have, seen before it is whole; a CR at the end may still get its LF. */
// oxlint-disable-next-line no-control-regex
const never = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|$)|(?<!\r)\n/;

const digits = /^\d{1,15}$/;
/** Naming these as hop-by-hop would make the next program take them out, and read another message. */
const needed = new Set(["host", "content-length", "transfer-encoding"]);

/** True when no continuation makes it a head. `before` is the byte before `text`, so that it can be looked at piece by piece. */
export function isHopeless(before: string, text: string): boolean {
  return never.test(before + text);
}

/** The fields in `text` from `from` (after the first line's CRLF) to its end, or what is wrong with them. */
export function readFields(text: string, from: number): Fields | HeadProblem {
  const block = text.slice(from);
  if (!lines.test(block)) return new HeadProblem(whyNot(block));
  let hosts = 0;
  let contentLength: number | null = null;
  let chunked = false;
  let connection = none;
  let upgrade = "";
  let expect = "";
  let contentType = "";
  for (let at = 0; ;) {
    const end = block.indexOf("\r\n", at);
    if (end === at) break;
    const colon = block.indexOf(":", at);
    // The length tells most names apart, without a copy of each.
    switch (colon - at) {
      case 4:
        if (nameAt(block, at, colon) === "host") {
          hosts++;
          if (!/^[\w.~!$&'()*+,;=%[\]:-]*$/.test(valueAt(block, colon, end)))
            return new HeadProblem("its Host is none");
        }
        break;
      case 6:
        if (nameAt(block, at, colon) === "expect") expect = valueAt(block, colon, end).toLowerCase();
        break;
      case 7:
        if (nameAt(block, at, colon) === "upgrade") {
          if (upgrade !== "") return new HeadProblem("it has two Upgrade headers");
          upgrade = valueAt(block, colon, end).toLowerCase();
        }
        break;
      case 10:
        if (nameAt(block, at, colon) === "connection") {
          if (connection === none) connection = [];
          connection.push(
            ...valueAt(block, colon, end)
              .toLowerCase()
              .split(/[ \t]*,[ \t]*/),
          );
          const bad = connection.find((option) => needed.has(option));
          if (bad !== undefined) return new HeadProblem(`its Connection header names ${bad}`);
        }
        break;
      case 12:
        if (nameAt(block, at, colon) === "content-type") contentType = valueAt(block, colon, end).toLowerCase();
        break;
      case 14: {
        const name = nameAt(block, at, colon);
        // Programs behind (CGI, WSGI) take _ for -.
        if (name === "content_length") return new HeadProblem("it has a header Content_Length");
        if (name !== "content-length") break;
        if (contentLength !== null) return new HeadProblem("it has two Content-Length headers");
        const value = valueAt(block, colon, end);
        if (!digits.test(value)) return new HeadProblem(`its Content-Length is ${JSON.stringify(value.slice(0, 40))}`);
        contentLength = Number(value);
        break;
      }
      case 17: {
        const name = nameAt(block, at, colon);
        if (name === "transfer_encoding") return new HeadProblem("it has a header Transfer_Encoding");
        if (name !== "transfer-encoding") break;
        if (chunked) return new HeadProblem("it has two Transfer-Encoding headers");
        const value = valueAt(block, colon, end);
        if (value.toLowerCase() !== "chunked")
          return new HeadProblem(`its Transfer-Encoding is ${JSON.stringify(value.slice(0, 40))}, not chunked`);
        chunked = true;
        break;
      }
      default:
    }
    at = end + 2;
  }
  if (chunked && contentLength !== null) return new HeadProblem("it has both Content-Length and Transfer-Encoding");
  return { hosts, contentLength, chunked, connection, upgrade, expect, contentType };
}

const none: string[] = [];
const nameAt = (block: string, at: number, colon: number) => block.slice(at, colon).toLowerCase();
/** Spaces and tabs only: `trim` would take more away than a header may have around its value. */
const valueAt = (block: string, colon: number, end: number) =>
  block.slice(colon + 1, end).replace(/^[ \t]+|[ \t]+$/g, "");

function whyNot(block: string): string {
  if (never.test(block)) return "a line of its head has a control character, a bare CR or a bare LF";
  const line = block.split("\r\n").find((one) => one !== "" && !lines.test(`${one}\r\n\r\n`)) ?? "";
  if (/^[ \t]/.test(line)) return "a header is folded over two lines";
  if (/^[^:]*[ \t]:/.test(line)) return "a header's name has a space in it";
  return `a header line can't be read: ${JSON.stringify(line.slice(0, 40))}`;
}

/** One field line of a trailer section, without its CRLF. What frames or routes a message must not come after it. */
export function isTrailer(line: string): boolean {
  if (!lines.test(`${line}\r\n\r\n`)) return false;
  const name = line.slice(0, line.indexOf(":")).toLowerCase();
  return !needed.has(name) && name !== "content_length" && name !== "transfer_encoding" && name !== "trailer";
}
