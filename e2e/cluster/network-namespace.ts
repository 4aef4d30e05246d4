import { run, tryRun } from "./command.ts";
import { GATEWAY_IP, NODE_IP } from "./layout.ts";

/** The argv that runs a command in the namespace. Not `ip netns exec`: that mounts a new /sys and hides the cgroups. */
export function enterNetwork(namespace: string, argv: readonly string[]): string[] {
  return ["nsenter", `--net=/run/netns/${namespace}`, "--", ...argv];
}

/** Makes a network namespace whose only way out is a cable that ends in it: no address outside can be reached. */
export async function createNetwork(namespace: string): Promise<void> {
  await run(["ip", "netns", "add", namespace]);
  const inside = (argv: readonly string[]): Promise<string> => run(enterNetwork(namespace, argv));
  await inside(["ip", "link", "set", "lo", "up"]);
  // A veth pair with both ends inside: some kernels lack the dummy type.
  await inside(["ip", "link", "add", "node0", "type", "veth", "peer", "name", "node1"]);
  await inside(["ip", "link", "set", "node1", "up"]);
  await inside(["ip", "link", "set", "node0", "up"]);
  await inside(["ip", "address", "add", `${NODE_IP}/24`, "dev", "node0"]);
  // The API server and the kubelet look for a default route to find their own address.
  await inside(["ip", "route", "add", "default", "via", GATEWAY_IP, "dev", "node0"]);
  await inside(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
}

export async function removeNetwork(namespace: string): Promise<void> {
  await tryRun(["ip", "netns", "delete", namespace]);
}
