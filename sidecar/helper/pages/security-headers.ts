import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";

/**
 * Headers of everything inpod itself answers. Styles may be set by script (`style-src-attr`: a bar's width), scripts run by nonce only.
 * `same-origin` and not `no-referrer`: with the latter browsers send a form's Origin as `null`.
 */
export function securityHeaders(request: IncomingMessage, response: ServerResponse, nonce: string): void {
  const set = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: [`'nonce-${nonce}'`],
        styleSrcElem: ["'self'", `'nonce-${nonce}'`],
        styleSrcAttr: ["'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: "same-origin" },
    crossOriginOpenerPolicy: { policy: "same-origin" },
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: "same-origin" },
    xFrameOptions: { action: "deny" },
    // Whoever terminates TLS decides for the whole host.
    strictTransportSecurity: false,
  });
  set(request, response, () => {});
}
