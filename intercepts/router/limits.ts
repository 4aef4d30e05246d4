/** Everything that a peer could make grow or last, bounded. Bytes and milliseconds. */
export interface Limits {
  /** Of a request's or an answer's head; more is refused. */
  readonly head: number;
  /** Of what a client may send ahead while its earlier request is answered; then it isn't read any more. */
  readonly ahead: number;
  /** From a head's first byte to its last. */
  readonly headMs: number;
  /** A kept-alive connection without a request. */
  readonly idleMs: number;
  /** A body, or an answer that its client doesn't take, without a byte of progress. */
  readonly stalledMs: number;
  /** Until an answer begins. Long: somebody may sit at a breakpoint. */
  readonly answerMs: number;
  /** A connection after 101, or a raw one, on which nothing moves. */
  readonly tunnelIdleMs: number;
  /** How long a closed connection is still listened to, so that its last answer isn't lost to a reset. */
  readonly lingerMs: number;
  /** Until the app accepts a connection. */
  readonly connectMs: number;
  /** How long a request goes on asking an app that refuses connections. */
  readonly refusedMs: number;
  /** An upstream connection that was idle for longer isn't used for a request that can't be sent twice. */
  readonly freshMs: number;
  /** Client connections at once; more are closed. */
  readonly connections: number;
  /** Interim answers (1xx) before the real one. */
  readonly interims: number;
  /** Streams of one HTTP/2 connection at once. */
  readonly streams: number;
}

export const defaultLimits: Limits = {
  head: 64 << 10,
  ahead: 64 << 10,
  headMs: 10_000,
  idleMs: 75_000,
  stalledMs: 120_000,
  answerMs: 3_600_000,
  tunnelIdleMs: 24 * 3_600_000,
  lingerMs: 2000,
  connectMs: 5000,
  refusedMs: 1000,
  freshMs: 1000,
  connections: 4096,
  interims: 32,
  streams: 256,
};
