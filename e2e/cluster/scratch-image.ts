import { createHash } from "node:crypto";
import { arch } from "node:os";
import { dirname } from "node:path/posix";
import { tar, type TarEntry } from "./tar-writer.ts";

export interface ImageFile {
  /** Absolute path in the image; its folders are made. */
  path: string;
  content: Buffer | string;
  mode?: number;
  uid?: number;
  gid?: number;
}

/** The part of an OCI image's configuration that a test may want to set. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Record<string, Record<string, never>>;
  Labels?: Record<string, string>;
}

export interface ScratchImage {
  /** For `ctr images import`, `docker load`, `kind load image-archive`. */
  archive: Buffer;
  /** `sha256:…` of the manifest: what `name@sha256:…` means for this image. */
  digest: string;
}

/**
 * Packs files into an image without any image tool: one uncompressed layer over nothing, as an OCI archive that carries
 * Docker's manifest.json too. The same input gives the same bytes.
 */
export function packScratchImage(image: {
  ref: string;
  files: readonly ImageFile[];
  config?: ImageConfig;
  /** "amd64" or "arm64"; this machine's by default. */
  architecture?: string;
}): ScratchImage {
  const architecture = image.architecture ?? (arch() === "x64" ? "amd64" : arch());
  const layer = tar(layerEntries(image.files));
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } => {
    const hex = createHash("sha256").update(content).digest("hex");
    blobs.set(hex, content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const layerBlob = add("application/vnd.oci.image.layer.v1.tar", layer);
  const configBlob = add(
    "application/vnd.oci.image.config.v1+json",
    json({
      created: "1970-01-01T00:00:00Z",
      architecture,
      os: "linux",
      config: image.config ?? {},
      rootfs: { type: "layers", diff_ids: [layerBlob.digest] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "inpod packScratchImage" }],
    }),
  );
  const manifest = add(
    "application/vnd.oci.image.manifest.v1+json",
    json({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: configBlob,
      layers: [layerBlob],
    }),
  );
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...manifest,
        platform: { architecture, os: "linux" },
        annotations: {
          "io.containerd.image.name": image.ref,
          "org.opencontainers.image.ref.name": image.ref.slice(image.ref.lastIndexOf(":") + 1),
        },
      },
    ],
  };
  const blobPath = (digest: string): string => `blobs/sha256/${digest.slice("sha256:".length)}`;
  const docker = [{ Config: blobPath(configBlob.digest), RepoTags: [image.ref], Layers: [blobPath(layerBlob.digest)] }];
  return {
    digest: manifest.digest,
    archive: tar([
      { path: "oci-layout", kind: "file", content: json({ imageLayoutVersion: "1.0.0" }) },
      { path: "index.json", kind: "file", content: json(index) },
      { path: "manifest.json", kind: "file", content: json(docker) },
      ...[...blobs].map(([hex, content]): TarEntry => ({ path: `blobs/sha256/${hex}`, kind: "file", content })),
    ]),
  };
}

function layerEntries(files: readonly ImageFile[]): TarEntry[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(relative(file.path)); folder !== "."; folder = dirname(folder)) folders.add(folder);
  }
  return [
    ...[...folders].sort().map((path): TarEntry => ({ path, kind: "folder" })),
    ...files.map(({ path, content, ...rest }): TarEntry => ({
      path: relative(path),
      kind: "file",
      content: Buffer.from(content as string),
      ...rest,
    })),
  ];
}

function relative(path: string): string {
  if (!path.startsWith("/")) throw new RangeError(`a path in an image must be absolute: ${path}`);
  return path.slice(1);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
