import type { IncomingMessage } from "node:http";
import { HelperError } from "./errors.ts";

const most = 64 * 1024;
const within = 10_000;

/** The body of a call: an object from JSON, or from a form. Throws a HelperError. */
export async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const text = await readText(request);
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(text));
  if (text === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new HelperError("INPOD_REQUEST_INVALID", "the body isn't JSON", { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new HelperError("INPOD_REQUEST_INVALID", "the body isn't a JSON object");
  return parsed as Record<string, unknown>;
}

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error?: HelperError) => {
      clearTimeout(timer);
      request.off("data", take).off("end", done).off("close", gone);
      if (error === undefined) return resolve(Buffer.concat(chunks).toString("utf8"));
      request.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) finish(new HelperError("INPOD_BODY_TOO_LARGE"));
      else chunks.push(chunk);
    };
    const done = () => finish();
    const gone = () => finish(new HelperError("INPOD_REQUEST_INVALID", "the body broke off"));
    const timer = setTimeout(() => finish(new HelperError("INPOD_BODY_SLOW")), within);
    request.on("data", take).on("end", done).on("close", gone);
  });
}
