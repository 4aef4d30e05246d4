import { readFile } from "node:fs/promises";
import { request } from "node:https";

/** Changes the image string of a container in the helper's own pod. */
export interface ImageAlias {
  /** Resolves when the pod has `to`; rejects with a sentence when the pod is as it was. Safe to do again. */
  change(container: string, from: string, to: string): Promise<void>;
}

export interface KubeApi {
  readonly host: string;
  readonly port: number;
  readonly namespace: string;
  readonly pod: string;
  /** Folder with `token` and `ca.crt`; the kubelet replaces the token before it ends, so it is read at every call. */
  readonly account: string;
}

/** Milliseconds for one call, and between two tries. */
const within = 4000;
const pause = 250;
const tries = 3;
/** Bytes of an answer: a pod at its largest. */
const largest = 2 * 1024 * 1024;

/**
 * One verb of one object: `patch` of this pod. An empty patch changes nothing and is answered with the pod, so nothing
 * needs `get`. Node's https and not fetch: the helper runs without a JIT, and fetch's parser is WebAssembly.
 */
export function createImageAlias(api: KubeApi): ImageAlias {
  const patch = async (operations: readonly object[]) => {
    const [token, ca] = await Promise.all([
      readFile(`${api.account}/token`, "utf8"),
      readFile(`${api.account}/ca.crt`),
    ]);
    return send(api, token.trim(), ca, JSON.stringify(operations));
  };

  const look = async () => {
    const seen = await patch([]);
    if (seen.status !== 200) throw failure(api, seen);
    return imagesIn(seen.text);
  };

  /** Where each container was in the pod when it was looked for; the patch tests that it still is. */
  const places = new Map<string, number>();

  return {
    async change(container, from, to) {
      let unanswered: unknown;
      for (let i = 0; i < tries; i++) {
        if (i > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        try {
          let index = i === 0 ? places.get(container) : undefined;
          let image: string | undefined = from;
          if (index === undefined) {
            // What an earlier try or an earlier helper did is found here: a lost answer never costs a second restart.
            const images = await look();
            index = images.findIndex(({ name }) => name === container);
            image = images[index]?.image;
            if (image === to) return;
            if (image === undefined || !sameImage(image, from)) {
              throw new Refusal(`container ${container} of pod ${api.pod} has image ${image ?? "none"}, not ${from}`);
            }
            places.set(container, index);
          }
          const path = `/spec/containers/${index}`;
          const answer = await patch([
            { op: "test", path: `${path}/name`, value: container },
            { op: "test", path: `${path}/image`, value: image },
            { op: "replace", path: `${path}/image`, value: to },
          ]);
          if (answer.status === 200) return;
          throw failure(api, answer);
        } catch (error) {
          if (error instanceof Refusal) throw error;
          unanswered = error;
        }
      }
      if (unanswered instanceof Answered) throw unanswered;
      const reason = unanswered instanceof Error ? unanswered.message : String(unanswered);
      throw new Error(`the API server ${api.host}:${api.port} could not be asked ${tries} times: ${reason}`, {
        cause: unanswered,
      });
    },
  };
}

/** An answer that asking again won't change. */
class Refusal extends Error {}

/** An answer that may be another one a moment later. */
class Answered extends Error {}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function failure({ pod }: KubeApi, { status, text }: Answer): Error {
  const sentence = `the API server answered ${status} to patching pod ${pod}: ${messageIn(text)}`;
  // 409 and 422: somebody may have changed the pod meanwhile (the server doesn't say that it was a test that failed); 429 and 5xx: later.
  const passes = status === 409 || status === 422 || status === 429 || status >= 500;
  return passes ? new Answered(sentence) : new Refusal(sentence);
}

/** The same but for the tag. */
function sameImage(a: string, b: string): boolean {
  const untagged = (image: string) => image.replace(/:[^/@]*@/, "@");
  return untagged(a) === untagged(b);
}

function imagesIn(text: string): readonly { readonly name: string; readonly image: string }[] {
  const { spec } = JSON.parse(text) as { spec: { containers: { name: string; image: string }[] } };
  return spec.containers;
}

function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : "no reason given";
  } catch {
    return "no reason given";
  }
}

function send(api: KubeApi, token: string, ca: Buffer, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: api.host,
        port: api.port,
        method: "PATCH",
        path: `/api/v1/namespaces/${api.namespace}/pods/${api.pod}?fieldManager=inpod`,
        ca,
        agent: false,
        signal: AbortSignal.timeout(within),
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json-patch+json",
          "content-length": Buffer.byteLength(body),
          accept: "application/json",
        },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > largest) answer.destroy(new Error(`the answer is longer than ${largest} bytes`));
        });
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}
