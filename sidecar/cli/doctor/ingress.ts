import { randomBytes } from "node:crypto";
import { request as plain } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as secure } from "node:https";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** An answer that came through the real way in, or why none did. */
export type Seen =
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly body: string;
    }
  | { readonly failed: string };

const name = "way in";

/** What the helper's health page says of the way there: which origin it sees the request come to. */
export function judgeHealth(url: URL, seen: Seen): Finding {
  if ("failed" in seen)
    return fail(
      name,
      `${url.href} doesn't answer: ${seen.failed}`,
      "is the name right and does it lead here from inside the cluster? For an own certificate authority set NODE_EXTRA_CA_CERTS",
    );
  const health = parsed(seen.body);
  if (seen.status >= 300 && seen.status < 400)
    return warn(
      name,
      `something before inpod answers ${seen.status} and sends to ${String(seen.headers["location"])}`,
      "a login proxy, or a redirect to https: give the address that it leads to; with a login proxy only a logged-in browser gets further",
    );
  if (seen.status !== 200 || health === undefined || health["ok"] !== true)
    return fail(
      name,
      `${url.href} is answered by something else than inpod: ${seen.status}`,
      "the ingress or route must send the whole host (or the base path) to the Service's port ide",
    );
  const origin = health["origin"];
  if (typeof origin !== "string" || origin === url.origin)
    return ok(name, `${url.origin} reaches the helper as itself`);
  const told = URL.parse(origin);
  return told?.host.split(":")[0] === url.hostname && told.protocol !== url.protocol
    ? fail(
        name,
        `the browser is at ${url.origin}, the helper is told ${origin}: X-Forwarded-Proto is lost, or its sender isn't trusted`,
        "have the ingress send X-Forwarded-Proto and list its address in auth.proxy.trusted; or set the host in ingress.host, which names the origin",
      )
    : fail(
        name,
        `the browser is at ${url.origin}, the helper is told ${origin}: Host is rewritten and X-Forwarded-Host lost or not trusted`,
        "have the ingress pass Host on as it is (preserve host), or send X-Forwarded-Host and list its address in auth.proxy.trusted",
      );
}

/** The same page asked with an Origin header; where the origin is another, it is refused, and so has arrived. */
export function judgeOrigin(seen: Seen): Finding[] {
  if ("failed" in seen || seen.status !== 200 || parsed(seen.body)?.["originSent"] !== false) return [];
  return [fail("origin", "the Origin header is lost on the way", "have the ingress pass the Origin header on")];
}

/** What becomes of a WebSocket upgrade without a login: the refusal tells what arrived. */
export function judgeUpgrade(seen: Seen): Finding {
  const upgrade = "upgrade";
  if ("failed" in seen)
    return fail(upgrade, `the connection broke off: ${seen.failed}`, "the ingress must allow WebSockets");
  if (seen.status === 101) return ok(upgrade, "a WebSocket opens (without a login: auth.mode none)");
  if (seen.headers["x-inpod-upgrade"] === undefined)
    return seen.status >= 300 && seen.status < 400
      ? warn(
          upgrade,
          `something before inpod answers ${seen.status}`,
          "a login proxy: only a logged-in browser gets further",
        )
      : fail(
          upgrade,
          `Upgrade and Connection are lost on the way: it arrived as a plain request (${seen.status})`,
          "switch WebSockets on in the ingress (HTTP/1.1 to the back end, Upgrade and Connection passed on)",
        );
  const code = parsed(seen.body)?.["code"];
  switch (code) {
    case "INPOD_LOGIN_NEEDED":
    case "INPOD_PROXY_NEEDED":
    case "INPOD_HOST_UNKNOWN":
      return ok(upgrade, "arrives as a WebSocket; without a login it is refused, as it must be");
    case "INPOD_ORIGIN_FOREIGN":
      return fail(
        upgrade,
        "Origin arrives, but isn't the host that the helper is told",
        "the line above says which header is lost",
      );
    default:
      return fail(
        upgrade,
        `refused with ${seen.status} ${String(code)}`,
        "see the helper's log: kubectl logs POD -c inpod",
      );
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** `base` ends with a slash: the address that people open. */
export async function lookThrough(base: URL): Promise<Finding[]> {
  const page = new URL("-/healthz", base);
  const health = judgeHealth(base, await ask(page, {}));
  const origin = health.level === "ok" ? judgeOrigin(await ask(page, { origin: base.origin })) : [];
  const upgrade = await ask(base, {
    connection: "Upgrade",
    upgrade: "websocket",
    origin: base.origin,
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  });
  return health.level === "ok" || !("failed" in upgrade) ? [health, ...origin, judgeUpgrade(upgrade)] : [health];
}

const within = 10_000;
const mostBody = 64 * 1024;

function ask(url: URL, headers: Record<string, string>): Promise<Seen> {
  return new Promise((resolve) => {
    const options: RequestOptions = { headers, agent: false, timeout: within };
    const asked = url.protocol === "https:" ? secure(url, options) : plain(url, options);
    const told = (answer: IncomingMessage, body: string) =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
    asked.on("response", (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        body += text;
        if (body.length > mostBody) answer.destroy();
      });
      answer.on("close", () => told(answer, body));
    });
    asked.on("upgrade", (answer, socket) => {
      socket.destroy();
      told(answer, "");
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer in ${within / 1000} s`)));
    asked.on("error", (error) => resolve({ failed: error.message }));
    asked.end();
  });
}
