import { BlockList, isIP, isIPv4 } from "node:net";
import type { Headers } from "./headers.ts";

export interface Peers {
  /** True when the address is one of the listed proxies. */
  isProxy(address: string): boolean;
  /** The client's address: the connection's, or what a listed proxy says that it saw. */
  clientOf(address: string, headers: Headers): string;
}

/** Whose forwarded headers count; everybody else's are ignored. `ranges` are addresses or CIDRs, checked by the config. */
export function createPeers(ranges: readonly string[]): Peers {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  const isProxy = (given: string) => {
    const address = plainAddress(given);
    return isIP(address) !== 0 && list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
  };
  return {
    isProxy,
    clientOf(address, headers) {
      let client = plainAddress(address);
      const hops = headers.one("x-forwarded-for").split(",").toReversed();
      for (const hop of hops) {
        // Only what a listed proxy appended itself is known to be true.
        if (!isProxy(client)) break;
        const next = plainAddress(hop.trim());
        if (isIP(next) === 0) break;
        client = next;
      }
      return client;
    },
  };
}

/** An IPv4 client of a dual-stack socket arrives as `::ffff:10.0.0.1`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
