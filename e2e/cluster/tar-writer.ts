/** One entry of an archive. Paths are relative; owners are numbers; times are always 0, so that equal input is equal bytes. */
export interface TarEntry {
  path: string;
  kind: "file" | "folder" | "link";
  content?: Buffer;
  /** For links: where it points to. */
  target?: string;
  mode?: number;
  uid?: number;
  gid?: number;
}

const BLOCK = 512;

/** A ustar archive: paths up to 255 bytes, files up to 8 GiB. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.content ?? Buffer.alloc(0);
    blocks.push(header(entry, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(blocks);
}

const TYPES: Record<TarEntry["kind"], string> = { file: "0", folder: "5", link: "2" };
const MODES: Record<TarEntry["kind"], number> = { file: 0o644, folder: 0o755, link: 0o777 };

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = splitPath(entry.kind === "folder" ? `${entry.path.replace(/\/$/, "")}/` : entry.path);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
  };
  block.write(name, 0);
  octal(entry.mode ?? MODES[entry.kind], 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write(TYPES[entry.kind], 156);
  block.write(entry.target ?? "", 157);
  block.write("ustar\x0000", 257, "latin1");
  block.write(prefix, 345);
  // The checksum is taken with its own field as spaces.
  block.fill(" ", 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  );
  return block;
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: "", name: path };
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const prefix = path.slice(0, at);
    const name = path.slice(at + 1);
    if (Buffer.byteLength(prefix) <= 155 && name !== "" && Buffer.byteLength(name) <= 100) return { prefix, name };
  }
  throw new RangeError(`a path of ${Buffer.byteLength(path)} bytes doesn't fit a ustar header: ${path}`);
}
