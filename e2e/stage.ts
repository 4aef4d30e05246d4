import { fileURLToPath } from "node:url";
import { buildAll } from "../build.ts";
import { createCluster, type Cluster, type Profile } from "./cluster/cluster.ts";
import { buildImages } from "./cluster/images.ts";
import { ensureExampleImages } from "./example-images.ts";

export type Example = "node" | "go-scratch";

/** A cluster that knows our images, and the values that make an example's release use them. */
export interface Stage {
  readonly cluster: Cluster;
  /** The password of every workspace that `valuesFor` describes. */
  readonly secretPassword: string;
  /** The Node example under another digest. */
  readonly nextNodeImage: string;
  exampleImage(example: Example): string;
  /** The same image as `name:tag@sha256:…`. */
  imageByDigest(example: Example): string;
  /** values.yaml content on top of the example's own; `change` wins where both speak. */
  valuesFor(example: Example, change?: object): object;
  close(): Promise<void>;
}

export const exampleValues = (example: Example): string =>
  fileURLToPath(new URL(`../examples/${example}/values.yaml`, import.meta.url));

/** Builds what the cluster's specs run: needs the package registries, which nothing inside the cluster's network reaches. */
export async function prepareImages(progress: (line: string) => void) {
  await buildAll(progress);
  return {
    ours: await buildImages({ targets: ["kit", "helper", "router", "ide"], progress }),
    examples: await ensureExampleImages(progress),
  };
}

export async function openStage(profile: Profile): Promise<Stage> {
  const progress = (line: string) => console.error(`# ${line}`);
  const { ours, examples } = await prepareImages(progress);
  const cluster = await createCluster({ profile, progress });
  const digests = new Map<string, string>();
  for (const { ref, archive } of [...Object.values(ours), ...Object.values(examples)]) {
    digests.set(ref, (await cluster.loadImage(ref, archive)).digest);
  }
  const secretPassword = "correct horse battery staple";

  const images = {
    ...(profile === "dev" ? { restart: { maxContainerRestartPeriod: "1s" } } : {}),
    ide: { image: ours.ide.ref },
    helper: { image: ours.helper.ref },
    front: { image: ours.router.ref },
    kit: { image: ours.kit.ref },
  };
  const forExample = {
    node: { app: { image: examples.node.ref } },
    "go-scratch": {
      app: { image: examples.goScratch.ref },
      ide: { toolchains: [{ image: examples.golang.ref, path: "/usr/local/go" }] },
    },
  };

  return {
    cluster,
    secretPassword,
    nextNodeImage: examples.nodeNext.ref,
    exampleImage: (example) => forExample[example].app.image,
    imageByDigest(example) {
      const ref = forExample[example].app.image;
      return `${ref}@${digests.get(ref) ?? ""}`;
    },
    valuesFor: (example, change = {}) =>
      [forExample[example], loginSecret(secretPassword), change].reduce<object>(merge, images),
    close: () => cluster.close(),
  };
}

/** A login Secret that comes with the release, so that the test knows the password. */
function loginSecret(password: string): object {
  const name = "test-login";
  return {
    auth: { mode: "password", existingSecret: name },
    extraObjects: [{ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { password } }],
  };
}

/** Objects are merged key by key, everything else is replaced: as helm merges values. */
function merge(under: object, over: object): object {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const old = result[key];
    result[key] = isPlain(old) && isPlain(value) ? merge(old, value) : value;
  }
  return result;
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
