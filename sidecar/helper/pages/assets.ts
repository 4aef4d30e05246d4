import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, extname, join } from "node:path";
import { escapeHtml } from "./page-text.ts";

const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

export interface Assets {
  /** The page's HTML with its placeholders filled in. */
  html(page: "index" | "login", nonce: string): Promise<string>;
  /** Sends a file of `assets/`; false when there is none of this name. */
  send(name: string, request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

/** The built page: `index.html`, `login.html`, and below `assets/` files with a hash in their name, so they never change. */
export function createAssets(folder: string, fill: { basePath: string; release: string }): Assets {
  return {
    async html(page, nonce) {
      const text = await readFile(join(folder, `${page}.html`), "utf8");
      return text
        .replaceAll("__NONCE__", nonce)
        .replaceAll("__BASE__", escapeHtml(fill.basePath))
        .replaceAll("__RELEASE__", escapeHtml(fill.release));
    },
    async send(name, request, response) {
      const type = types[extname(name)];
      if (type === undefined || name !== basename(name) || name.startsWith(".")) return false;
      const file = await open(join(folder, "assets", name)).catch(() => undefined);
      if (file === undefined) return false;
      const { size } = await file.stat();
      response.writeHead(200, {
        "content-type": type,
        "content-length": size,
        "cache-control": "public, max-age=31536000, immutable",
      });
      if (request.method === "HEAD") {
        await file.close();
        response.end();
        return true;
      }
      const stream = createReadStream("", { fd: file });
      stream.on("error", () => response.destroy());
      response.on("close", () => stream.destroy());
      stream.pipe(response);
      return true;
    },
  };
}
