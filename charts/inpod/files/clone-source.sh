# Clones GIT_URL at GIT_REF into the source volume, once. Runs again after every loss of the pod's sandbox, over edited
# files: with the marker nothing is touched. A clone that was cut short is thrown away, one that was being moved is moved on.
set -eu
source=${INPOD_SOURCE:-/inpod/source}
secrets=${INPOD_GIT_SECRETS:-/inpod/secrets/git}
own=$source/.inpod
umask 0002

if [ -e "$own/source.json" ]; then
  echo "the source is here already: kept as it is"
  exit 0
fi

fill() {
  # A name that begins with a dot is taken along; .inpod is ours.
  find "$own/clone" -mindepth 1 -maxdepth 1 ! -name .inpod -exec mv -n -t "$source" {} +
  echo '*' > "$own/.gitignore"
  echo '{"v":1,"image":"","from":"git"}' > "$own/source.json.new"
  mv "$own/source.json.new" "$own/source.json"
  rm -rf "$own/clone" "$own/cloned"
}

if [ -e "$own/cloned" ]; then
  fill
  exit 0
fi

found=$(find "$source" -mindepth 1 -maxdepth 1 ! -name .inpod ! -name lost+found | head -n 1)
if [ -n "$found" ]; then
  echo "the volume has files that are not ours ($(basename "$found")): kept, nothing is cloned"
  exit 0
fi

export GIT_TERMINAL_PROMPT=0
if [ -e "$secrets/password" ]; then
  # In the environment, not in a file: /tmp is the IDE's too.
  export INPOD_GIT_SECRETS="$secrets" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper
  export GIT_CONFIG_VALUE_0='!f() {
    [ ! -e "$INPOD_GIT_SECRETS/username" ] || printf "username=%s\n" "$(cat "$INPOD_GIT_SECRETS/username")"
    printf "password=%s\n" "$(cat "$INPOD_GIT_SECRETS/password")"
  }; f'
fi
if [ -e "$secrets/ssh-privatekey" ]; then
  export GIT_SSH_COMMAND="ssh -i $secrets/ssh-privatekey -o IdentitiesOnly=yes -o UserKnownHostsFile=$secrets/known_hosts -o StrictHostKeyChecking=yes"
fi

mkdir -p "$own"
# What an app of another uid makes in these folders, with whatever umask, stays writable for the group. Where there are no ACLs: without.
setfacl --default --modify user::rwx,group::rwx,other::rx "$source" "$own" 2> /dev/null || :
rm -rf "$own/clone"
depth=
[ "${GIT_DEPTH:-0}" -eq 0 ] || depth=--depth=$GIT_DEPTH
if [ -z "${GIT_REF:-}" ]; then
  git clone --quiet $depth -- "$GIT_URL" "$own/clone"
elif git ls-remote --exit-code --quiet -- "$GIT_URL" "refs/heads/$GIT_REF" "refs/tags/$GIT_REF" > /dev/null; then
  git clone --quiet $depth --branch "$GIT_REF" -- "$GIT_URL" "$own/clone"
else
  # A commit: there is no name to clone by.
  git init --quiet "$own/clone"
  git -C "$own/clone" remote add origin "$GIT_URL"
  git -C "$own/clone" fetch --quiet $depth origin "$GIT_REF"
  git -C "$own/clone" checkout --quiet --detach FETCH_HEAD
fi
git -C "$own/clone" config core.sharedRepository group
: > "$own/cloned"
fill
echo "cloned ${GIT_REF:-the default branch}"
