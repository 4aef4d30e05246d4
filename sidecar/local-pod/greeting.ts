import type { LocalPod } from "./local-pod.ts";

/** What `npm start` ends with: where things are and what to try. */
export function greeting(pod: LocalPod): string {
  return `
  IDE           ${pod.loginLink}
                (the link logs you in, once; later: ${pod.url}/ with the password in
                ${pod.home.passwordFile})
  inpod's page  ${pod.url}/-/
  the service   ${pod.appUrl}/

  Try it: open server.js in the IDE, change "Hello from the pod.", save, and type in its terminal (Ctrl+\`)

      restart app

  then ask the service again:  curl ${pod.appUrl}/

  Your edits are in ${pod.home.source}, logs in ${pod.home.logs}.
  Ctrl-C stops everything.
`;
}
