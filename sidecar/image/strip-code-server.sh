#!/bin/sh
# Takes out of an installed code-server what serves nothing in a workspace, about 300 MB: strip-code-server.sh FOLDER
set -eu
cd "$1"
case $(uname -m) in
  aarch64) arch=arm64 ;;
  *) arch=x64 ;;
esac

# For debugging code-server itself.
find . -name '*.map' -type f -delete

# What compiling the native modules left behind.
find . -path '*/build/Release/*' \( -name obj -o -name obj.target -o -name .deps \) -prune -exec rm -rf {} +
find . -path '*/build/Release/*.a' -type f -delete
find . -path '*/node_modules/@vscode/sqlite3/deps' -prune -exec rm -rf {} +

# Programs for other systems and processors.
find . -path '*/node-pty/prebuilds/*' -prune ! -name "linux-$arch" -exec rm -rf {} +
find . -path '*/ripgrep-universal/bin/*' -prune ! -name "linux-$arch" -exec rm -rf {} +

# Login at a proxy through Kerberos: its library isn't in the image; code-server loads the module only when asked to.
find . -path '*/node_modules/kerberos/build' -prune -exec rm -rf {} +

# The coding agent and its sandbox: `chat.disableAIFeatures` is set, and both only work with an account outside.
find . -path '*/vscode/extensions/copilot' -prune -exec rm -rf {} +
find . -path '*/node_modules/@github/copilot-sdk-linux*' -prune -exec rm -rf {} +
find . -path '*/node_modules/@microsoft/mxc-sdk/bin' -prune -exec rm -rf {} +
