import { once } from "node:events";
import { connect } from "node:net";

const request = Buffer.from("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");

export interface ClosedLoadResult {
  readonly perSecond: number;
  /** Milliseconds of each request. */
  readonly latencies: readonly number[];
}

/**
 * As many GETs as `connections` kept connections make, each with one request at a time. All answers must be as long as the
 * first: nothing is parsed, so that the generator costs little beside what it measures.
 */
export async function closedLoad(
  host: string,
  port: number,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<ClosedLoadResult> {
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;

  const one = async () => {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, "connect");
    let length = 0;
    let got = 0;
    let sentAt = performance.now();
    const over = once(socket, "close");
    socket.on("data", (chunk) => {
      if (length === 0) length = lengthOf(chunk);
      got += chunk.length;
      if (got < length) return;
      got -= length;
      const now = performance.now();
      latencies.push(now - sentAt);
      if (now >= end) return void socket.destroy();
      sentAt = now;
      socket.write(request);
    });
    socket.write(request);
    await over;
  };
  await Promise.all(Array.from({ length: connections }, one));
  return { perSecond: latencies.length / ((performance.now() - begin) / 1000), latencies };
}

/** Of the whole answer whose first bytes these are; its head has to be among them. */
function lengthOf(first: Buffer): number {
  const head = first.indexOf("\r\n\r\n") + 4;
  const length = /^content-length: (\d+)$/im.exec(first.toString("latin1", 0, head))?.[1];
  if (head < 4 || length === undefined) throw new Error("the benchmark needs an answer with a Content-Length");
  return head + Number(length);
}
