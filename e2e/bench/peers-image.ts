import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateMount, createBuildah } from "../cluster/buildah.ts";
import { cacheFolder } from "../cluster/cache.ts";
import { run } from "../cluster/command.ts";
import type { BuiltImage } from "../cluster/images.ts";
import { buildOnce, ensureNodeRuntime, saveImage } from "../example-images.ts";

const NODEMON = "nodemon@3.1.14";
const WATCHEXEC = "2.8.0";

/** The program that every reloader runs; VERSION is what a save changes. */
export const programOf = (version: string): string =>
  `require("http").createServer((_, answer) => answer.end("${version}")).listen(8080);\nprocess.on("SIGTERM", () => process.exit());\n`;

const dockerfile = `ARG BASE
FROM \${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends entr && rm -rf /var/lib/apt/lists/*
COPY node_modules /opt/peers/node_modules
COPY watchexec /usr/local/bin/watchexec
COPY server.js /app/server.js
RUN chown -R 1000:1000 /app
WORKDIR /app
ENV PATH=/opt/peers/node_modules/.bin:/usr/local/bin:/usr/bin:/bin
USER 1000:1000
CMD ["node", "server.js"]
`;

/** Node 24 with a hello server, nodemon, entr and watchexec: the reloaders that people run inside a container. */
export function ensurePeersImage(progress: (line: string) => void): Promise<BuiltImage> {
  return buildOnce({
    name: "peers",
    inputs: [dockerfile, programOf("0"), NODEMON, WATCHEXEC],
    progress,
    async make(ref, archive) {
      const buildah = await createBuildah(cacheFolder());
      const base = await ensureNodeRuntime(buildah, cacheFolder(), progress);
      const context = await mkdtemp(join(tmpdir(), "inpod-peers-"));
      try {
        await writeFile(join(context, "Dockerfile"), dockerfile);
        await writeFile(join(context, "server.js"), programOf("0"));
        await run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", context, NODEMON]);
        progress(`building watchexec ${WATCHEXEC} (about 6 min, once)`);
        await run(["cargo", "install", "--locked", "--root", context, `watchexec-cli@${WATCHEXEC}`]);
        await rename(join(context, "bin/watchexec"), join(context, "watchexec"));
        await buildah.call([
          "bud",
          "--isolation=chroot",
          "--network=host",
          "--pull-never",
          ...(await certificateMount()),
          `--build-arg=BASE=${base}`,
          `--tag=${ref}`,
          context,
        ]);
        await saveImage(buildah, ref, archive);
      } finally {
        await rm(context, { recursive: true, force: true });
      }
    },
  });
}
