import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { apiError, statusOf } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { securityHeaders } from "./security-headers.ts";

export const newNonce = (): string => randomBytes(16).toString("base64");

export function answerJson(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  securityHeaders(request, response, newNonce());
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...closing(request),
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  code: ErrorCode,
  detail?: string,
  headers: Record<string, string> = {},
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  answerJson(request, response, statusOf(code), apiError(code, detail));
}

/** `html` has the nonce in it already. */
export function answerHtml(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  nonce: string,
  html: string,
): void {
  securityHeaders(request, response, nonce);
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-length": Buffer.byteLength(html),
    "cache-control": "no-store",
    ...closing(request),
  });
  response.end(request.method === "HEAD" ? undefined : html);
}

export function answerRedirect(request: IncomingMessage, response: ServerResponse, status: number, to: string): void {
  securityHeaders(request, response, newNonce());
  response.writeHead(status, { location: to, "content-length": 0, "cache-control": "no-store", ...closing(request) });
  response.end();
}

/** A body that nobody will read: the connection ends instead of taking it in. */
function closing(request: IncomingMessage): Record<string, string> {
  return request.complete || request.readableEnded || !hasBody(request) ? {} : { connection: "close" };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** The answer to an upgrade that isn't allowed: whole HTTP, then the end. It tells `inpod doctor` that it arrived as an upgrade. */
export function refuseUpgrade(socket: NodeJS.WritableStream & { destroySoon?(): void }, code: ErrorCode): void {
  const text = JSON.stringify(apiError(code));
  socket.end(
    `HTTP/1.1 ${statusOf(code)} Refused\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nCache-Control: no-store\r\nX-Inpod-Upgrade: refused\r\nConnection: close\r\n\r\n${text}`,
  );
}
