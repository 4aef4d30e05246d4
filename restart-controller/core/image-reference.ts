import type { Instant } from "./phase.ts";

/** `registry:5000/team/app:tag@sha256:…`, the tag being optional. */
const byDigest = /^((?:[^/@\s]+\/)*[^/:@\s]+)(?::[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})$/;

/**
 * The same image under another string: another tag before the same digest, which container runtimes ignore and the
 * kubelet's back-off key doesn't. The time is in the tag, so that no string comes twice in a pod's life. Null for an
 * image that isn't given by digest: its tag is what it is found by.
 */
export function aliasOf(image: string, at: Instant): string | null {
  const [, repository, digest] = byDigest.exec(image) ?? [];
  return repository === undefined || digest === undefined
    ? null
    : `${repository}:r${Math.round(at).toString(36)}${digest}`;
}
