import { isTrailer } from "./fields.ts";

/** Follows a message's body through the bytes of its connection. */
export interface Body {
  /** True when its last byte has been seen. */
  done: boolean;
  /** How many of the bytes from `from` on belong to it; -1 when they are no body that can be read in one way only. */
  read(chunk: Buffer, from: number): number;
}

export const noBody: Body = { done: true, read: () => 0 };

export function bodyOfLength(length: number): Body {
  let left = length;
  const body: Body = {
    done: left === 0,
    read(chunk, from) {
      const taken = Math.min(left, chunk.length - from);
      left -= taken;
      body.done = left === 0;
      return taken;
    },
  };
  return body;
}

/** An answer's, that ends with its connection. */
export function bodyUntilClose(): Body {
  return { done: false, read: (chunk, from) => chunk.length - from };
}

const [CR, LF, SEMICOLON] = [13, 10, 59];
/** Digits of a chunk's size: 16 TB; more is an overflow that somebody looks for. */
const maxDigits = 11;
const maxExtension = 1024;
const maxTrailers = 16 << 10;

type Part = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailer" | "trailer-lf";

/** Chunks as in RFC 9112, section 7.1, to the letter: lines end in CRLF, extensions have no control characters. */
export function chunkedBody(): Body {
  let part: Part = "size";
  let size = 0;
  let digits = 0;
  let extension = 0;
  let line = "";
  let trailers = 0;

  const body: Body = {
    done: false,
    read(chunk, from) {
      let at = from;
      while (at < chunk.length) {
        if (part === "data") {
          const taken = Math.min(size, chunk.length - at);
          size -= taken;
          at += taken;
          if (size === 0) part = "data-cr";
          continue;
        }
        const byte = chunk[at++] ?? 0;
        switch (part) {
          case "size": {
            const digit = hex(byte);
            if (digit >= 0) {
              size = size * 16 + digit;
              if (++digits > maxDigits) return -1;
            } else if (digits === 0) return -1;
            else if (byte === CR) part = "size-lf";
            else if (byte === SEMICOLON) part = "extension";
            else return -1;
            break;
          }
          case "extension":
            if (byte === CR) part = "size-lf";
            else if ((byte < 32 && byte !== 9) || byte === 127 || ++extension > maxExtension) return -1;
            break;
          case "size-lf":
            if (byte !== LF) return -1;
            part = size === 0 ? "trailer" : "data";
            digits = 0;
            extension = 0;
            break;
          case "data-cr":
            if (byte !== CR) return -1;
            part = "data-lf";
            break;
          case "data-lf":
            if (byte !== LF) return -1;
            part = "size";
            break;
          case "trailer":
            if (byte === CR) part = "trailer-lf";
            else if (++trailers > maxTrailers) return -1;
            else line += String.fromCharCode(byte);
            break;
          case "trailer-lf":
            if (byte !== LF) return -1;
            if (line === "") {
              body.done = true;
              return at - from;
            }
            if (!isTrailer(line)) return -1;
            line = "";
            part = "trailer";
            break;
        }
      }
      return at - from;
    },
  };
  return body;
}

function hex(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
