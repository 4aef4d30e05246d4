/** Follows what an app sends on a WebSocket, so that a connection whose app has died can be ended as the protocol wants it. */
export interface WebSocketEnd {
  follow(chunk: Buffer): void;
  /** The frame to send in the app's place: undefined when it has sent one, or has died in the middle of a frame. */
  lastFrame(): Buffer | undefined;
}

/** FIN, opcode 8, two bytes: 1012, "service restart" (IANA WebSocket close codes). */
const serviceRestart = Buffer.from([0x88, 2, 1012 >> 8, 1012 & 0xff]);
const close = 8;

/** Frames of a server aren't masked: two to ten bytes, then the payload (RFC 6455, section 5.2). */
export function createWebSocketEnd(): WebSocketEnd {
  const head = Buffer.alloc(10);
  let headSeen = 0;
  let left = 0;
  let closed = false;

  return {
    follow(chunk) {
      for (let at = 0; at < chunk.length && !closed;) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - at);
          left -= taken;
          at += taken;
          continue;
        }
        head[headSeen++] = chunk[at++] ?? 0;
        const length = (head[1] ?? 0) & 0x7f;
        const wanted = headSeen < 2 ? 2 : length === 126 ? 4 : length === 127 ? 10 : 2;
        if (headSeen < wanted) continue;
        closed = ((head[0] ?? 0) & 0x0f) === close;
        left = wanted === 2 ? length : wanted === 4 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
        headSeen = 0;
      }
    },
    lastFrame: () => (closed || left > 0 || headSeen > 0 ? undefined : serviceRestart),
  };
}
