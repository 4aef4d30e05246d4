import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import * as v from "valibot";
import { ExitCode } from "../protocol/index.ts";

/** Without 0 O 1 l I and other look-alikes: 24 of these are 137 bits. */
const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const length = 24;
const within = 20_000;

const environment = v.object({
  INPOD_SECRET_NAME: v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/)),
  INPOD_NAMESPACE: v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)),
  INPOD_SECRET_LABELS: v.optional(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string())), "{}"),
  INPOD_SECRET_KEY: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]{1,253}$/)), "password"),
  KUBERNETES_SERVICE_HOST: v.pipe(v.string(), v.minLength(1)),
  KUBERNETES_SERVICE_PORT: v.optional(v.string(), "443"),
});

export interface CreateLoginSecretIo {
  /** One line for the Job's log; never has the password in it. */
  readonly say: (line: string) => void;
  /** Where the pod's service-account token and the API server's CA are. */
  readonly account?: string;
}

/**
 * For the chart's hook Job: makes the login Secret unless it is there. Needs `create` on secrets, nothing else: one that
 * exists answers 409 and is left as it is.
 */
export async function createLoginSecret(
  env: Readonly<Record<string, string | undefined>>,
  { say, account = "/var/run/secrets/kubernetes.io/serviceaccount" }: CreateLoginSecretIo,
): Promise<ExitCode> {
  const parsed = v.safeParse(environment, env);
  if (!parsed.success) {
    for (const issue of parsed.issues) say(`${v.getDotPath(issue) ?? "environment"}: ${issue.message}`);
    say("this command is run by the chart's Job, in a pod with a service-account token");
    return ExitCode.usage;
  }
  const settings = parsed.output;
  const named = `Secret ${settings.INPOD_NAMESPACE}/${settings.INPOD_SECRET_NAME}`;
  try {
    const [token, ca] = await Promise.all([readFile(`${account}/token`, "utf8"), readFile(`${account}/ca.crt`)]);
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: settings.INPOD_SECRET_NAME, labels: settings.INPOD_SECRET_LABELS },
      type: "Opaque",
      stringData: { [settings.INPOD_SECRET_KEY]: newPassword() },
    };
    const { status, reason } = await post(settings, token.trim(), ca, JSON.stringify(secret));
    if (status === 201) {
      say(`${named} created`);
      return ExitCode.done;
    }
    if (status === 409) {
      say(`${named} kept: it was there already`);
      return ExitCode.done;
    }
    say(`the API server answered ${status} to creating ${named}: ${reason}`);
    if (status === 403) say("the Job's service account needs the verb create on secrets in this namespace");
    if (status === 404) say(`is there a namespace ${settings.INPOD_NAMESPACE}?`);
    return ExitCode.failed;
  } catch (error) {
    say(`${named} can't be created: ${error instanceof Error ? error.message : String(error)}`);
    return ExitCode.failed;
  }
}

function newPassword(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

function post(
  settings: v.InferOutput<typeof environment>,
  token: string,
  ca: Buffer,
  body: string,
): Promise<{ status: number; reason: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: settings.KUBERNETES_SERVICE_HOST,
        port: settings.KUBERNETES_SERVICE_PORT,
        method: "POST",
        path: `/api/v1/namespaces/${settings.INPOD_NAMESPACE}/secrets`,
        ca,
        agent: false,
        signal: AbortSignal.timeout(within),
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          accept: "application/json",
        },
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text = (text + chunk).slice(0, 64 * 1024);
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          // A created Secret comes back with its data: only the reason of a refusal is read.
          resolve({ status, reason: status < 400 ? "" : messageOf(text) });
        });
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : "no reason given";
  } catch {
    return "no reason given";
  }
}
