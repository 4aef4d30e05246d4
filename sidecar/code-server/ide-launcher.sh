#!/bin/sh
# /opt/inpod/ide FOLDER [extra code-server arguments]
# Starts code-server in a pod with inpod's flags; reads INPOD_HOME, INPOD_RELEASE and HOME. The flags are those of
# ide-flags.ts, and a test compares them.
set -eu
home=${INPOD_HOME:-/inpod}
release=${INPOD_RELEASE:-inpod}
data=${HOME:?HOME is not set}/.local/share/code-server
folder=${1:?"usage: ide FOLDER [code-server arguments]"}
shift
if [ -n "${INPOD_BUILTIN_EXTENSIONS:-}" ]; then
  set -- --builtin-extensions-dir="$INPOD_BUILTIN_EXTENSIONS" "$@"
fi
# code-server reads PORT and friends: what is meant for the app is not for the IDE.
unset PORT PASSWORD HASHED_PASSWORD
exec "${INPOD_NODE:-node}" "${INPOD_CODE_SERVER:-/opt/inpod/code-server}/out/node/entry.js" \
  --socket="$home/run/ide.sock" \
  --socket-mode=0660 \
  --auth=none \
  --disable-telemetry \
  --disable-update-check \
  --disable-proxy \
  --cookie-suffix="$release" \
  --reconnection-grace-time=300 \
  --disable-getting-started-override \
  --disable-workspace-trust \
  --app-name=inpod \
  --vscode-option=force-disable-user-env \
  --config="$data/inpod.yaml" \
  --user-data-dir="$data" \
  --extensions-dir="$data/extensions" \
  "$@" "$folder"
