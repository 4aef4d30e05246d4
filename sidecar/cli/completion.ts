import type { Command } from "commander";

export const shells = ["bash", "zsh"] as const;

/** A completion script made from the commands and options themselves, so it can't fall behind them. */
export function completionScript(shell: (typeof shells)[number], program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => {
    const options = command.options.flatMap((option) => option.long ?? []);
    return `    ${command.name()}) words="${["--help", ...options].join(" ")}" ;;`;
  });
  const bash = `_inpod() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=""
  [ "\${COMP_WORDS[0]##*/}" = restart ] && command=restart
  if [ "\${COMP_WORDS[0]##*/}" = inpod ] && [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.join(" ")} --help --version" -- "$current"))
    return
  fi
  case "$command" in
${cases.join("\n")}
  esac
  case "$command,$current" in
    restart,-* | logs,-*) ;;
    restart,* | logs,*) words="$(ls "\${INPOD_HOME:-/inpod}/app" 2>/dev/null)" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _inpod inpod restart
`;
  return shell === "bash"
    ? bash
    : `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\nautoload -Uz bashcompinit && bashcompinit\n${bash}`;
}
