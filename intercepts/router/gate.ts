/** Where requests go now: a port of the pod, and how many are there. */
export interface Target {
  readonly port: number;
  inFlight: number;
}

/** How much may wait while the gate is closed; over it a request is refused instead. */
export interface WaitingBounds {
  readonly requests: number;
  readonly bytes: number;
  readonly ms: number;
}

/** Told to whoever waits: where to go, or that it took too long. */
export type Admitted = Target | "late";

/**
 * Stands before one upstream. Open, it only counts. Closed, requests wait in order, what is in flight drains, and the
 * process behind may be replaced without anybody noticing. Whoever closes it says for how long at most: a gate that
 * nobody opens again opens itself.
 */
export interface Gate {
  readonly held: boolean;
  readonly target: Target;
  readonly waiting: { readonly requests: number; readonly bytes: number };
  /** Where to go at once, or null when the request has to `wait`. Who got a target has to `leave` it. */
  enter(): Target | null;
  /** Waits for its turn; the returned function gives the place up. Null: too much waits already. */
  wait(bytes: number, admit: (admitted: Admitted) => void): (() => void) | null;
  leave(target: Target): void;
  /** Closes for `timeoutMs` at most. */
  hold(timeoutMs: number): void;
  /** Resolves with how many are still in flight there: 0, or what is left after `withinMs`. */
  drained(target: Target, withinMs: number): Promise<number>;
  /** Opens, for the port given from now on. */
  release(port?: number): void;
  /** Calls back when upstream connections that nobody uses are better let go: they lead to a process that ends. */
  onLetGo(listener: () => void): void;
  close(): void;
}

/** Let in at once after a release: a fresh process has a backlog of a few hundred connections. */
const batch = 64;

interface Waiter {
  readonly bytes: number;
  readonly admit: (admitted: Admitted) => void;
  readonly late: NodeJS.Timeout;
}

export function createGate(port: number, bounds: WaitingBounds): Gate {
  const waiters = new Set<Waiter>();
  const drains = new Set<() => void>();
  let target: Target = { port, inFlight: 0 };
  let held = false;
  let bytes = 0;
  let opens: NodeJS.Timeout | undefined;
  let admitting: NodeJS.Immediate | undefined;
  let letGo: () => void = () => {};

  const remove = (waiter: Waiter) => {
    if (!waiters.delete(waiter)) return false;
    clearTimeout(waiter.late);
    bytes -= waiter.bytes;
    return true;
  };

  const admitAll = () => {
    admitting = undefined;
    let count = 0;
    for (const waiter of waiters) {
      if (held || count++ === batch) break;
      remove(waiter);
      target.inFlight++;
      waiter.admit(target);
    }
    if (waiters.size > 0 && !held) admitting = setImmediate(admitAll);
  };

  const gate: Gate = {
    get held() {
      return held;
    },
    get target() {
      return target;
    },
    get waiting() {
      return { requests: waiters.size, bytes };
    },
    enter() {
      if (held || waiters.size > 0) return null;
      target.inFlight++;
      return target;
    },
    wait(size, admit) {
      if (waiters.size >= bounds.requests || bytes + size > bounds.bytes) return null;
      const late = setTimeout(() => {
        if (remove(waiter)) admit("late");
      }, bounds.ms);
      const waiter: Waiter = { bytes: size, admit, late };
      waiters.add(waiter);
      bytes += size;
      return () => void remove(waiter);
    },
    leave(from) {
      from.inFlight--;
      if (from.inFlight === 0) for (const drain of drains) drain();
    },
    hold(timeoutMs) {
      held = true;
      clearTimeout(opens);
      opens = setTimeout(() => gate.release(), timeoutMs);
    },
    drained(from, withinMs) {
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(late);
          drains.delete(look);
          letGo();
          resolve(from.inFlight);
        };
        const look = () => {
          if (from.inFlight === 0) end();
        };
        const late = setTimeout(end, withinMs);
        drains.add(look);
        look();
      });
    },
    release(to) {
      clearTimeout(opens);
      held = false;
      if (to !== undefined && to !== target.port) {
        target = { port: to, inFlight: 0 };
        letGo();
      }
      admitting ??= setImmediate(admitAll);
    },
    onLetGo(listener) {
      letGo = listener;
    },
    close() {
      clearTimeout(opens);
      clearImmediate(admitting);
      for (const waiter of waiters) remove(waiter);
      for (const drain of drains) drain();
    },
  };
  return gate;
}
