import { createHash, timingSafeEqual } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type { Sessions } from "./sessions.ts";

const shortest = 20;

export interface LoginToken {
  /** True once: the token of the file, which is removed with it. */
  use(candidate: string): Promise<boolean>;
}

/** The token of a one-time login link, written into `file` by whoever printed the link. */
export function createLoginToken(file: string | undefined, sessions: Pick<Sessions, "useToken">): LoginToken {
  return {
    async use(candidate) {
      if (file === undefined) return false;
      const token = (await readFile(file, "utf8").catch(() => "")).trim();
      if (token.length < shortest || !timingSafeEqual(digest(token), digest(candidate))) return false;
      // The note is what makes it once; the file may be on a volume that can't be written.
      if (!(await sessions.useToken(token))) return false;
      await rm(file, { force: true }).catch(() => {});
      return true;
    },
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
