import { readFile, writeFile } from "node:fs/promises";
import { buildFixture } from "../../restart-controller/native/fixtures/build.ts";
import { packScratchImage, type BuiltImage } from "../cluster/images.ts";
import { buildOnce } from "../example-images.ts";

/** A static web server that costs nothing to start, alone in an image. */
export async function ensureStaticImage(progress: (line: string) => void): Promise<BuiltImage> {
  const content = await readFile(await buildFixture("static-app"));
  return buildOnce({
    name: "static-app",
    inputs: [content.toString("base64")],
    progress,
    async make(ref, archive) {
      const files = [{ path: "/src/static-app", content, mode: 0o755, uid: 65532, gid: 65532 }];
      const config = { Entrypoint: ["/src/static-app", "8080"], User: "65532:65532", WorkingDir: "/src" };
      await writeFile(archive, packScratchImage({ ref, files, config }).archive);
    },
  });
}
