import { spawn } from "node:child_process";
import { createCluster, findCluster, stopCluster, type Profile } from "./cluster.ts";
import { cacheFolder } from "./cache.ts";
import { clusterNames, readRecord } from "./cluster-record.ts";
import { ClusterError } from "./errors.ts";
import { layoutOf } from "./layout.ts";
import { KEPT_NAME } from "./own-cluster.ts";
import { ensureTool, TOOL_NAMES, type ToolName } from "./tools.ts";

const USAGE = `usage: npm run cluster -- COMMAND

A real single-node Kubernetes on this machine, without Docker; as root on Debian. The first "up" builds it (some ten
minutes), later ones take seconds.

  up [--profile default|dev]   bring a cluster up that stays (or set the profile of the one that runs)
  down [NAME]                  take it down
  status                       the clusters of this machine
  kubectl ARGS…                kubectl on it
  helm ARGS…                   helm on it
  shell                        a shell inside its network, with KUBECONFIG set
  tools [NAME…]                build the programs and print their folders: ${TOOL_NAMES.join(", ")}`;

const progress = (line: string): void => console.error(line);

async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  switch (command) {
    case "up": {
      const cluster = await createCluster({ profile: profileOf(args), reuse: true, progress });
      console.error(`cluster ${cluster.name} runs (profile ${cluster.profile}); tests use it with INPOD_CLUSTER=reuse`);
      console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
      return 0;
    }
    case "down":
      await stopCluster(args[0] ?? KEPT_NAME);
      return 0;
    case "status":
      for (const name of await clusterNames(cacheFolder())) {
        const record = await readRecord(layoutOf(cacheFolder(), name));
        const running = await findCluster(name);
        console.log(
          `${name}\t${running === undefined ? "not running" : "running"}\tprofile ${record?.profile ?? "unknown"}`,
        );
      }
      return 0;
    case "kubectl":
    case "helm":
    case "shell": {
      const cluster = await findCluster(KEPT_NAME);
      if (cluster === undefined) {
        throw new ClusterError("INPOD_CLUSTER_DOWN", "no cluster is running", {
          fix: "Bring one up: npm run cluster -- up",
        });
      }
      const program =
        command === "shell"
          ? [process.env["SHELL"] ?? "/bin/bash"]
          : [`${await ensureTool(command === "kubectl" ? "kubernetes" : "helm", { progress })}/${command}`, ...args];
      return passThrough(cluster.nsenter(program), cluster.env);
    }
    case "tools":
      for (const name of args.length > 0 ? args.map(toolName) : TOOL_NAMES)
        console.log(await ensureTool(name, { progress }));
      return 0;
    case "help":
    case "--help":
    case "-h":
      console.log(USAGE);
      return 0;
    case undefined:
    default:
      console.error(command === undefined ? USAGE : `there is no command "${command}"\n\n${USAGE}`);
      return 2;
  }
}

function profileOf(args: readonly string[]): Profile {
  const at = args.indexOf("--profile");
  const value = at === -1 ? "default" : args[at + 1];
  if (value === "default" || value === "dev") return value;
  throw new ClusterError("INPOD_CLUSTER_PROFILE", `there is no profile "${value ?? ""}"`, {
    fix: "Use default or dev.",
  });
}

function toolName(name: string): ToolName {
  const found = TOOL_NAMES.find((known) => known === name);
  if (found !== undefined) return found;
  throw new ClusterError("INPOD_TOOL_UNKNOWN", `there is no tool "${name}"`, { fix: `Use ${TOOL_NAMES.join(", ")}.` });
}

function passThrough(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
