import express from "express";
import type { ErrorRequestHandler, Express } from "express";
import type { Call, Caller, Handler } from "./api/call.ts";
import { HelperError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { answerError } from "./pages/answer.ts";
import { routes } from "./routes.ts";
import type { Route, RouteName } from "./routes.ts";

/** Called with requests that have passed a door. */
export type Serve = (request: Call["request"], response: Call["response"], caller: Caller) => void;

/**
 * Express with one handler for each of the given routes, and nothing that isn't in the table. `url` of a request is the
 * path that the guard has parsed.
 */
export function mount(
  handlers: Readonly<Partial<Record<RouteName, Handler>>>,
  onError: (error: unknown) => void,
): Serve {
  const callers = new WeakMap<object, Caller>();
  const app: Express = express();
  app.disable("x-powered-by").disable("etag");
  app.enable("case sensitive routing").enable("strict routing");
  app.set("query parser", false);
  for (const [name, handler] of Object.entries(handlers)) {
    const route: Route = routes[name as RouteName];
    const verb = route.method.toLowerCase() as "get" | "post" | "delete";
    app[verb](route.path, async (request, response) => {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error("a request came in past the guard");
      const query = new URL(request.url, "http://inpod.invalid").searchParams;
      await handler({ request, response, params: request.params as Record<string, string>, query, caller });
    });
  }
  app.use((request, response) => answerError(request, response, "INPOD_ROUTE_UNKNOWN"));
  const answerFailure: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    const known = error instanceof HelperError;
    if (!known) onError(error);
    if (response.headersSent) return void response.destroy();
    const code: ErrorCode = known ? error.code : "INPOD_HELPER_FAILED";
    answerError(request, response, code, known ? error.detail : undefined);
  };
  app.use(answerFailure);
  return (request, response, caller) => {
    callers.set(request, caller);
    app(request, response);
  };
}
