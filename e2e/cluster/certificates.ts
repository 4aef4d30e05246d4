import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { API_SERVICE_IP, DNS_DOMAIN, NODE_IP, NODE_NAME } from "./layout.ts";

/** Who gets a certificate: the common name is the Kubernetes user, the organisation its group. */
const SUBJECTS = {
  "api-server": {
    subject: "/CN=kube-apiserver",
    names: [
      `IP:${NODE_IP}`,
      `IP:${API_SERVICE_IP}`,
      "IP:127.0.0.1",
      "DNS:localhost",
      "DNS:kubernetes",
      "DNS:kubernetes.default",
      "DNS:kubernetes.default.svc",
      `DNS:kubernetes.default.svc.${DNS_DOMAIN}`,
    ],
  },
  "api-server-kubelet-client": { subject: "/O=system:masters/CN=kube-apiserver-kubelet-client", names: [] },
  kubelet: {
    subject: `/O=system:nodes/CN=system:node:${NODE_NAME}`,
    names: [`IP:${NODE_IP}`, "IP:127.0.0.1", `DNS:${NODE_NAME}`],
  },
  "controller-manager": { subject: "/CN=system:kube-controller-manager", names: [] },
  scheduler: { subject: "/CN=system:kube-scheduler", names: [] },
  proxy: { subject: "/CN=system:kube-proxy", names: [] },
  admin: { subject: "/O=system:masters/CN=admin", names: [] },
} as const satisfies Record<string, { subject: string; names: readonly string[] }>;

export type CertificateName = keyof typeof SUBJECTS;

export interface Pki {
  ca: string;
  certificate(name: CertificateName): string;
  key(name: CertificateName): string;
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
  /** A kubeconfig with everything inside, so that the file can be used alone. */
  kubeconfig(name: CertificateName, path: string): Promise<string>;
}

/** A CA and one certificate for each part of the cluster, valid for 30 days, in `folder`. */
export async function createPki(folder: string): Promise<Pki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (file: string): string => join(folder, file);
  const curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const newKey = (file: string): Promise<string> => run(["openssl", "genpkey", ...curve, "-out", at(file)]);

  await newKey("ca.key");
  const days = ["-days", "30"];
  await run([
    "openssl",
    "req",
    "-x509",
    "-new",
    "-key",
    at("ca.key"),
    "-subj",
    "/CN=inpod-test-ca",
    ...days,
    "-addext",
    "keyUsage=critical,keyCertSign,cRLSign",
    "-out",
    at("ca.crt"),
  ]);
  await newKey("service-account.key");
  await run(["openssl", "pkey", "-in", at("service-account.key"), "-pubout", "-out", at("service-account.pub")]);

  const issue = async ([name, { subject, names }]: [
    string,
    { subject: string; names: readonly string[] },
  ]): Promise<void> => {
    await newKey(`${name}.key`);
    await run(["openssl", "req", "-new", "-key", at(`${name}.key`), "-subj", subject, "-out", at(`${name}.csr`)]);
    const extensions = [
      "keyUsage=critical,digitalSignature,keyEncipherment",
      "extendedKeyUsage=serverAuth,clientAuth",
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(",")}`]),
    ];
    await writeFile(at(`${name}.ext`), `${extensions.join("\n")}\n`);
    await run([
      "openssl",
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      "-CA",
      at("ca.crt"),
      "-CAkey",
      at("ca.key"),
      ...days,
      "-set_serial",
      `0x${Buffer.from(name).toString("hex").slice(0, 32)}`,
      "-extfile",
      at(`${name}.ext`),
      "-out",
      at(`${name}.crt`),
    ]);
  };
  await Promise.all(Object.entries(SUBJECTS).map(issue));

  const base64 = async (file: string): Promise<string> => (await readFile(at(file))).toString("base64");
  return {
    ca: at("ca.crt"),
    certificate: (name) => at(`${name}.crt`),
    key: (name) => at(`${name}.key`),
    serviceAccountKey: at("service-account.key"),
    serviceAccountPublicKey: at("service-account.pub"),
    async kubeconfig(name, path) {
      const config = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          {
            name: "inpod",
            cluster: { server: `https://${NODE_IP}:6443`, "certificate-authority-data": await base64("ca.crt") },
          },
        ],
        users: [
          {
            name,
            user: {
              "client-certificate-data": await base64(`${name}.crt`),
              "client-key-data": await base64(`${name}.key`),
            },
          },
        ],
        contexts: [{ name: "inpod", context: { cluster: "inpod", user: name } }],
        "current-context": "inpod",
      };
      // JSON is YAML: kubectl and helm read it as they do any kubeconfig.
      await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
      return path;
    },
  };
}
