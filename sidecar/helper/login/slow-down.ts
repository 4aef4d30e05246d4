const first = 200;
const longest = 10_000;
/** A reservation this far ahead is refused instead of waited for. */
const patience = 20_000;
const forgetAfter = 15 * 60_000;
const mostAddresses = 2000;

interface Trail {
  failures: number;
  /** No attempt from here is looked at before. */
  nextAt: number;
  lastAt: number;
}

export interface SlowDown {
  /** Milliseconds that this attempt has to wait, or how many seconds to stay away. Attempts at once queue up one behind the other. */
  reserve(address: string, now: number): { readonly waitMs: number } | { readonly retryAfterSeconds: number };
  failed(address: string, now: number): void;
  succeeded(address: string): void;
}

/**
 * Makes guessing slow per address, 0.2 s doubling to 10 s, and locks nobody out: other addresses and those already logged in
 * notice nothing. Bounded: the longest unseen address is forgotten first.
 */
export function createSlowDown(): SlowDown {
  const trails = new Map<string, Trail>();
  const delayOf = (failures: number) => (failures === 0 ? 0 : Math.min(longest, first * 2 ** (failures - 1)));
  return {
    reserve(address, now) {
      const key = networkOf(address);
      const trail = trails.get(key);
      if (trail === undefined) return { waitMs: 0 };
      if (now - trail.lastAt > forgetAfter) {
        trails.delete(key);
        return { waitMs: 0 };
      }
      const at = Math.max(now, trail.nextAt);
      if (at - now > patience) return { retryAfterSeconds: Math.ceil((at - now) / 1000) };
      trail.nextAt = at + delayOf(trail.failures);
      return { waitMs: at - now };
    },
    failed(address, now) {
      const key = networkOf(address);
      const trail = trails.get(key) ?? { failures: 0, nextAt: 0, lastAt: now };
      trail.failures = Math.min(trail.failures + 1, 30);
      trail.nextAt = Math.max(trail.nextAt, now + delayOf(trail.failures));
      trail.lastAt = now;
      trails.delete(key);
      trails.set(key, trail);
      for (const oldest of trails.keys()) {
        if (trails.size <= mostAddresses) break;
        trails.delete(oldest);
      }
    },
    succeeded(address) {
      trails.delete(networkOf(address));
    },
  };
}

/** One household or machine has a whole /64 of IPv6 addresses to come from. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.split("::");
  const left = head.split(":").filter((part) => part !== "");
  const right = tail.split(":").filter((part) => part !== "");
  const middle = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...(address.includes("::") ? middle : []), ...right].slice(0, 4).join(":");
}
