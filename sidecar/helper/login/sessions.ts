import { createHash, randomBytes } from "node:crypto";
import * as v from "valibot";
import type { StateFile } from "@inpod/restart-controller";

const hour = 3_600_000;
export const sessionLimits = { idleMs: 12 * hour, absoluteMs: 7 * 24 * hour, most: 200, usedTokens: 50 } as const;
/** A session's last use is noted once in so many milliseconds: that is what the file is written for. */
const touchEvery = 60_000;

const savedSession = v.object({
  hash: v.pipe(v.string(), v.regex(/^[\da-f]{64}$/)),
  id: v.string(),
  createdAt: v.number(),
  seenAt: v.number(),
  address: v.string(),
  userAgent: v.string(),
});
const saved = v.object({ sessions: v.array(savedSession), usedTokens: v.array(v.string()) });
type Session = v.InferOutput<typeof savedSession>;

export interface Sessions {
  /** A new session's cookie value: 256 random bits, known to the browser only. Written down before it is given out. */
  create(from: { address: string; userAgent: string }): Promise<string>;
  /** The living session of a cookie value, its use noted. `key` stays inside the helper. */
  find(value: string): { key: string; id: string } | undefined;
  /** Notes the use of a session by what it holds open. */
  touch(key: string): void;
  list(): readonly { id: string; createdAt: string; lastSeenAt: string; address: string; userAgent: string }[];
  /** False when there is none with this id. */
  revoke(id: string): Promise<boolean>;
  /** True the first time only, also after a restart of the helper. */
  useToken(token: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Logged-in browsers. Only the SHA-256 of a cookie's value is kept, in memory and in the file: who reads the file can't log in
 * with it. `onEnd` is told when a session is revoked, expires, or makes room.
 */
export async function createSessions(deps: {
  readonly file: StateFile;
  readonly clock: { now(): number };
  readonly onEnd: (key: string) => void;
}): Promise<Sessions> {
  const { file, clock } = deps;
  const parsed = v.safeParse(saved, await file.read());
  const sessions = new Map<string, Session>();
  if (parsed.success) for (const session of parsed.output.sessions) sessions.set(session.hash, session);
  const usedTokens = new Set(parsed.success ? parsed.output.usedTokens : []);

  const save = () => file.write({ sessions: [...sessions.values()], usedTokens: [...usedTokens] });
  const alive = ({ createdAt, seenAt }: Session) =>
    clock.now() - createdAt < sessionLimits.absoluteMs && clock.now() - seenAt < sessionLimits.idleMs;
  const end = ({ hash }: Session) => {
    if (sessions.delete(hash)) deps.onEnd(hash);
  };
  const endExpired = () => {
    const before = sessions.size;
    for (const session of sessions.values()) if (!alive(session)) end(session);
    if (sessions.size !== before) void save();
  };
  const touch = (key: string) => {
    const session = sessions.get(key);
    if (session === undefined || clock.now() - session.seenAt < touchEvery) return;
    sessions.set(key, { ...session, seenAt: clock.now() });
    void save();
  };
  const sweep = setInterval(endExpired, touchEvery).unref();
  endExpired();

  return {
    async create({ address, userAgent }) {
      endExpired();
      const byUse = [...sessions.values()].toSorted((a, b) => a.seenAt - b.seenAt);
      for (const oldest of byUse.slice(0, Math.max(0, sessions.size + 1 - sessionLimits.most))) end(oldest);
      const value = randomBytes(32).toString("base64url");
      const hash = hashOf(value);
      const now = clock.now();
      const id = randomBytes(8).toString("hex");
      sessions.set(hash, { hash, id, createdAt: now, seenAt: now, address, userAgent: userAgent.slice(0, 200) });
      await save();
      return value;
    },
    find(value) {
      const session = sessions.get(hashOf(value));
      if (session === undefined) return undefined;
      if (!alive(session)) {
        endExpired();
        return undefined;
      }
      touch(session.hash);
      return { key: session.hash, id: session.id };
    },
    touch,
    list() {
      return [...sessions.values()].filter(alive).map(({ id, createdAt, seenAt, address, userAgent }) => ({
        id,
        createdAt: new Date(createdAt).toISOString(),
        lastSeenAt: new Date(seenAt).toISOString(),
        address,
        userAgent,
      }));
    },
    async revoke(id) {
      const session = [...sessions.values()].find((one) => one.id === id);
      if (session === undefined) return false;
      end(session);
      await save();
      return true;
    },
    async useToken(token) {
      const hash = hashOf(token);
      if (usedTokens.has(hash)) return false;
      usedTokens.add(hash);
      for (const oldest of [...usedTokens].slice(0, Math.max(0, usedTokens.size - sessionLimits.usedTokens)))
        usedTokens.delete(oldest);
      await save();
      return true;
    },
    async close() {
      clearInterval(sweep);
      await save();
    },
  };
}

function hashOf(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}
