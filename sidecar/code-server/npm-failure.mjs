// Plain JavaScript, because bootstrap.mjs (any Node from 20 on) reads npm's failures with the same eyes.

/** @type {readonly { pattern: RegExp, code: string, title: string, fix: string }[]} */
const causes = [
  {
    pattern: /\bENOSPC\b|no space left on device/i,
    code: "INPOD_DISK_FULL",
    title: "The disk is full.",
    fix: "Free about 2 GB where the repository and the cache folder are (INPOD_CACHE=FOLDER puts the cache elsewhere), then run the same command again.",
  },
  {
    pattern: /\bEDQUOT\b|disk quota exceeded/i,
    code: "INPOD_DISK_FULL",
    title: "Your disk quota is used up.",
    fix: "Free about 2 GB, or put the cache elsewhere with INPOD_CACHE=FOLDER, then run the same command again.",
  },
  {
    pattern:
      /\bENOTFOUND\b|\bEAI_AGAIN\b|\bENETUNREACH\b|\bEHOSTUNREACH\b|\bECONNREFUSED\b|\bETIMEDOUT\b|\bECONNRESET\b|\bERR_SOCKET_TIMEOUT\b|\bENOTCACHED\b|network request|network timeout/i,
    code: "INPOD_NETWORK_DOWN",
    title: "npm can't reach its package registry.",
    fix: "Check the network (`npm ping`), and behind a proxy set HTTPS_PROXY or npm's `registry`, then run the same command again: what is already there is kept.",
  },
  {
    pattern: /SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|CERT_HAS_EXPIRED|unable to get local issuer/i,
    code: "INPOD_NETWORK_CERTIFICATE",
    title: "npm doesn't trust the certificate of its package registry.",
    fix: "Name your company's certificates in NODE_EXTRA_CA_CERTS=FILE, then run the same command again.",
  },
  {
    pattern: /\bE40[13]\b|401 Unauthorized|403 Forbidden/i,
    code: "INPOD_REGISTRY_REFUSED",
    title: "The package registry refused the download.",
    fix: "Log in to it (`npm login`) or point npm at another one (`npm config set registry …`), then run the same command again.",
  },
  {
    pattern: /\bEACCES\b|\bEPERM\b|\bEROFS\b/,
    code: "INPOD_FOLDER_READONLY",
    title: "A folder can't be written.",
    fix: "Make the repository and the cache folder your own (INPOD_CACHE=FOLDER puts the cache elsewhere); root is not needed.",
  },
];

/**
 * The cause of a failed npm run, read from what it printed; undefined where npm's own words say it best.
 * @param {string} output
 * @returns {{ code: string, title: string, fix: string } | undefined}
 */
export function explainNpmFailure(output) {
  const found = causes.find(({ pattern }) => pattern.test(output));
  return found === undefined ? undefined : { code: found.code, title: found.title, fix: found.fix };
}

/**
 * npm's own lines about the failure, without its advice and log paths; at most `limit`.
 * @param {string} output
 * @param {number} [limit]
 */
export function npmErrorLines(output, limit = 12) {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter(
    (line) => /^npm (error|ERR!)|attempt \d+ failed/.test(line) && !/complete log|A complete log|_logs/.test(line),
  );
  return (errors.length > 0 ? errors : lines.slice(-limit)).slice(0, limit).join("\n");
}
