/**
 * How the agent's Node is started, in the image and in the local pod: it does little and must stay small beside the IDE. Without a JIT it is
 * at 55 MB after a day's saves instead of 60, 41 of them the Node binary that code-server maps too; a save is asked for as fast.
 */
export const agentFlags: readonly string[] = ["--max-semi-space-size=1", "--jitless"];
