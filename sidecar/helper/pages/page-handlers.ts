import type { Handler } from "../api/call.ts";
import { HelperError } from "../errors.ts";
import type { RouteName } from "../routes.ts";
import { answerHtml, newNonce } from "./answer.ts";
import type { Assets } from "./assets.ts";
import { securityHeaders } from "./security-headers.ts";

export type PageRoute = Extract<RouteName, "page" | "asset">;

export function createPageHandlers(assets: Assets): Record<PageRoute, Handler> {
  return {
    async page({ request, response }) {
      const nonce = newNonce();
      answerHtml(request, response, 200, nonce, await assets.html("index", nonce));
    },
    async asset({ request, response, params }) {
      securityHeaders(request, response, newNonce());
      if (!(await assets.send(params["file"] ?? "", request, response))) throw new HelperError("INPOD_ROUTE_UNKNOWN");
    },
  };
}
