import { setTimeout as sleep } from "node:timers/promises";
import { checked, loginBody } from "../api/input.ts";
import type { Call, Handler } from "../api/call.ts";
import { readBody } from "../body.ts";
import { cookieName, expiredCookie, sessionCookie } from "../door/cookies.ts";
import { localPath } from "../door/local-path.ts";
import { HelperError } from "../errors.ts";
import { answerError, answerHtml, answerJson, answerRedirect, newNonce } from "../pages/answer.ts";
import type { Assets } from "../pages/assets.ts";
import type { RouteName } from "../routes.ts";
import type { LoginToken } from "./login-token.ts";
import type { PasswordCheck } from "./password.ts";
import type { Sessions } from "./sessions.ts";
import { createSlowDown } from "./slow-down.ts";

export type LoginRoute = Extract<RouteName, "loginPage" | "login" | "logout" | "sessions" | "revokeSession">;

export interface LoginDeps {
  readonly release: string;
  readonly basePath: string;
  readonly assets: Assets;
  readonly sessions: Sessions;
  readonly clock: { now(): number };
  /** Absent when the workspace has no login of its own. */
  readonly password: PasswordCheck | undefined;
  readonly token: LoginToken;
}

/** Logging in and out, and who is logged in. */
export function createLoginHandlers(deps: LoginDeps): Record<LoginRoute, Handler> {
  const { basePath, sessions, clock } = deps;
  const slowDown = createSlowDown();
  const cookieOf = ({ caller }: Call) => cookieName(deps.release, caller.own.scheme === "https");

  /** True when the password or token is right; the address waits its turn first. */
  const isRight = async (
    address: string,
    given: { password?: string | undefined; token?: string | undefined },
    check: PasswordCheck,
  ) => {
    const turn = slowDown.reserve(address, clock.now());
    if ("retryAfterSeconds" in turn) return turn;
    if (turn.waitMs > 0) await sleep(turn.waitMs);
    const right =
      given.token === undefined ? await check.matches(given.password ?? "") : await deps.token.use(given.token);
    if (right) slowDown.succeeded(address);
    else slowDown.failed(address, clock.now());
    return right;
  };

  return {
    async loginPage({ request, response, query, caller }) {
      if (deps.password === undefined || caller.session !== undefined)
        return answerRedirect(request, response, 303, localPath(query.get("to"), basePath));
      const nonce = newNonce();
      answerHtml(request, response, 200, nonce, await deps.assets.html("login", nonce));
    },

    async login(call) {
      const { request, response, caller } = call;
      if (deps.password === undefined) throw new HelperError("INPOD_LOGIN_OFF");
      if (caller.own.scheme !== "https" && !caller.own.loopback)
        throw new HelperError("INPOD_LOGIN_INSECURE", `to ${caller.own.origin}`);
      const given = checked(loginBody, await readBody(request));
      const right = await isRight(caller.address, given, deps.password);
      if (typeof right === "object") {
        const headers = { "retry-after": String(right.retryAfterSeconds) };
        return answerError(request, response, "INPOD_LOGIN_SLOWED", undefined, headers);
      }
      if (!right) throw new HelperError("INPOD_LOGIN_WRONG");
      // A session is never carried over: whoever knew the old one doesn't know the new one.
      if (caller.session !== undefined) await sessions.revoke(caller.session.id);
      const userAgent = request.headers["user-agent"] ?? "";
      const value = await sessions.create({ address: caller.address, userAgent });
      response.setHeader("set-cookie", sessionCookie(cookieOf(call), value));
      const to = localPath(given.to ?? call.query.get("to"), basePath);
      if (isForm(call)) answerRedirect(request, response, 303, to);
      else answerJson(request, response, 200, { to });
    },

    async logout(call) {
      const { request, response, caller } = call;
      if (deps.password !== undefined && caller.session !== undefined) await sessions.revoke(caller.session.id);
      response.setHeader("set-cookie", expiredCookie(cookieOf(call)));
      if (isForm(call)) answerRedirect(request, response, 303, `${basePath}/-/login`);
      else answerJson(request, response, 200, {});
    },

    sessions({ request, response, caller }) {
      answerJson(request, response, 200, { sessions: sessions.list(), current: caller.session?.id });
    },

    async revokeSession({ request, response, params }) {
      if (!(await sessions.revoke(params["id"] ?? ""))) throw new HelperError("INPOD_SESSION_UNKNOWN");
      answerJson(request, response, 200, {});
    },
  };
}

function isForm({ request }: Call): boolean {
  return (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
}
