import type { Refusal } from "./request-head.ts";

const reasons: Readonly<Record<Refusal["status"], string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export const answerBody = ({ sentence }: Refusal): string => `${sentence}\n`;

/** An answer of our own. It always ends the connection: after it, nobody can be wrong about where a message begins. */
export function answerText(refusal: Refusal, method: string): string {
  const { status } = refusal;
  const body = answerBody(refusal);
  const head = [
    `HTTP/1.1 ${status} ${reasons[status]}`,
    "Server: inpod-front",
    "Content-Type: text/plain; charset=utf-8",
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    ...(status === 503 ? ["Retry-After: 1"] : []),
    ...(status === 405 ? ["Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] : []),
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`;
}
