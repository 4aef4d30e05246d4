import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../cluster/command.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A program that answers every request on $PORT. */
export interface BoosterApp {
  readonly name: "node" | "python" | "java";
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it is, for the reader of the figures. */
  readonly what: string;
}

/** The apps that can be run here, and why the others can't; `close` takes their files away. */
export async function prepareApps() {
  const folder = await mkdtemp(join(tmpdir(), "inpod-booster-apps-"));
  const apps: BoosterApp[] = [];
  const missing: string[] = [];
  for (const prepare of [nodeApp, pythonApp, javaApp]) {
    const app = await prepare(folder);
    if (typeof app === "string") missing.push(app);
    else apps.push(app);
  }
  return { apps, missing, close: () => rm(folder, { recursive: true, force: true }) };
}

/** Libraries of this repository: those of a service, and one that is big. The app has no handler for SIGTERM, like most. */
const libraries = ["express", "helmet", "pino", "ws", "yaml", "valibot", "commander", "playwright-core"];

async function nodeApp(folder: string): Promise<BoosterApp> {
  const file = join(folder, "server.cjs");
  const lines = [
    `const load = require("node:module").createRequire(${JSON.stringify(join(repository, "e2e/"))});`,
    `for (const name of ${JSON.stringify(libraries)}) load(name);`,
    `require("node:http").createServer((_, answer) => answer.end("ok")).listen(process.env.PORT, "127.0.0.1");`,
  ];
  await writeFile(file, lines.join("\n"));
  const count = `${lines[0]} ${lines[1]} console.log(Object.keys(require.cache).length)`;
  const modules = (await run([process.execPath, "-e", count])).trim();
  return {
    name: "node",
    command: [process.execPath, file],
    env: {},
    what: `Node ${process.version}, ${modules} modules`,
  };
}

/** A few dozen modules of the standard library, as a service has them by way of its framework. */
const pythonModules =
  `argparse asyncio concurrent.futures configparser csv dataclasses decimal difflib email.mime.multipart fractions
  html.parser http.client http.cookies http.server imaplib inspect ipaddress json logging.config logging.handlers multiprocessing pathlib
  pickle platform plistlib pydoc queue secrets shlex smtplib socketserver statistics string subprocess tarfile tempfile traceback typing
  unittest.mock urllib.request uuid xml.dom.minidom xml.etree.ElementTree xmlrpc.client zipfile`.split(/\s+/);

/**
 * On a standard library as the official images have it: without compiled modules, and where the app can't write any. A file
 * in the place of each `__pycache__` does that for root too.
 */
async function pythonApp(folder: string): Promise<BoosterApp | string> {
  const ask = `import sys, sysconfig; print(sys.executable, sysconfig.get_path("stdlib"), sys.version.split()[0], sep="\\n")`;
  const answer = await run(["python3", "-c", ask]).catch(() => "");
  const [python, library, version] = answer.trim().split("\n");
  if (python === undefined || library === undefined || version === undefined) return "python: there is no python3 here";
  const home = join(folder, "python");
  const copied = join(home, "lib", basename(library));
  await cp(library, copied, {
    recursive: true,
    filter: (path) => !/\/(__pycache__|site-packages|dist-packages|test|idlelib|config-[^/]*)$/.test(path),
  });
  for (const entry of await readdir(copied, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) await writeFile(join(entry.parentPath, entry.name, "__pycache__"), "");
  await writeFile(join(copied, "__pycache__"), "");
  const file = join(folder, "app.py");
  await writeFile(
    file,
    `import os, ${pythonModules.join(", ")}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`,
  );
  const what = `Python ${version}, ${pythonModules.length} modules of the standard library, as in an official image`;
  return { name: "python", command: [python, file], env: { PYTHONHOME: home }, what };
}

/** What a service has beside its own code: an HTTP client and server, TLS, XML, and something big (javac), all of the JDK. */
const javaSource = `import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

public final class Main {
    record Source(String text) {
        JavaFileObject file() {
            return new SimpleJavaFileObject(URI.create("string:///A.java"), JavaFileObject.Kind.SOURCE) {
                @Override public CharSequence getCharContent(boolean ignored) { return text; }
            };
        }
    }

    public static void main(String[] args) throws Exception {
        javax.net.ssl.SSLContext.getDefault();
        java.net.http.HttpClient.newHttpClient();
        var xml = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder();
        xml.parse(new ByteArrayInputStream("<a b='c'/>".getBytes()));
        var source = new Source("import java.util.*; class A { List<String> b = List.of(); }").file();
        var check = List.of("-proc:none", "-XDshould-stop.ifNoError=FLOW");
        ToolProvider.getSystemJavaCompiler().getTask(new StringWriter(), null, null, check, null, List.of(source)).call();
        var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT")));
        var server = HttpServer.create(address, 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 2);
            exchange.getResponseBody().write("ok".getBytes());
            exchange.close();
        });
        server.start();
    }
}
`;

/** In a jar: the JVM doesn't share classes of a folder. */
async function javaApp(folder: string): Promise<BoosterApp | string> {
  const jdk = await findJdk();
  if (jdk === undefined) return "java: there is no JDK 19 or later here (JAVA_HOME, /usr/lib/jvm)";
  const [source, classes, jar] = [join(folder, "Main.java"), join(folder, "classes"), join(folder, "app.jar")];
  await mkdir(classes);
  await writeFile(source, javaSource);
  await run([join(jdk.home, "bin/javac"), "-d", classes, source]);
  await run([join(jdk.home, "bin/jar"), "--create", "--file", jar, "--main-class", "Main", "-C", classes, "."]);
  const command = [join(jdk.home, "bin/java"), "-jar", jar];
  return { name: "java", command, env: {}, what: `Java ${jdk.version}, about 3800 classes, in a jar` };
}

async function findJdk(): Promise<{ home: string; version: number } | undefined> {
  const installed = await readdir("/usr/lib/jvm").catch(() => []);
  const homes = [process.env["JAVA_HOME"] ?? "", ...installed.map((name) => join("/usr/lib/jvm", name))];
  for (const home of homes.filter((each) => each !== "")) {
    const answer = await run([join(home, "bin/javac"), "--version"]).catch(() => "");
    const version = Number(/^javac (\d+)/.exec(answer)?.[1] ?? 0);
    if (version >= 19) return { home, version };
  }
  return undefined;
}
