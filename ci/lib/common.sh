# shellcheck shell=bash
# What the parts of ci/setup share: the cache folder, the search path, words for people, downloads.
# It installs nothing.

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cache=${XDG_CACHE_HOME:-$HOME/.cache}/packyard
marks=$cache/marks
# shellcheck disable=SC2034 # the other files use it
venv=$cache/venv
# The pinned Go and the tools come before whatever the machine has.
export PATH="$cache/go/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:/usr/sbin:/sbin"

say() { printf '%s\n' "$*" >&2; }

there() { printf '  ok       %-22s %s\n' "$1" "${2-}" >&2; }

missing() {
  printf '  missing  %-22s %s\n' "$1" "${2-}" >&2
  return 1
}

contains() { # needle, straw...
  local needle=$1 straw
  shift
  for straw in "$@"; do [ "$straw" != "$needle" ] || return 0; done
  return 1
}

# Runs a command whose talk matters only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    say "setup: '$*' failed; its own words are above"
    return 1
  fi
  rm -f "$log"
}

# Runs a command as root, and says what to do where that cannot be. sudo forgets the
# environment, so what matters of it is handed over in so many words.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    local name handed=()
    for name in HOME PATH LC_ALL DEBIAN_FRONTEND XDG_CACHE_HOME http_proxy https_proxy no_proxy; do
      [ -z "${!name-}" ] || handed+=("$name=${!name}")
    done
    sudo env "${handed[@]}" "$@"
  else
    say "setup: '$1' has to run as root: call this as root, or install sudo"
    return 1
  fi
}

# A mark says that a part was made from exactly these files; it is what makes a second call quick.
mark_is_current() { # name, file...
  local mark=$marks/$1
  shift
  [ -e "$mark" ] && [ "$(cat "$mark")" = "$(digest_of "$@")" ]
}

write_mark() { # name, file...
  local mark=$marks/$1
  shift
  mkdir -p "$marks"
  digest_of "$@" >"$mark"
}

digest_of() { cat "$@" | sha256sum | cut -d' ' -f1; }

download() { # address, file, sha256
  local part=$2.part
  curl --fail --silent --show-error --location --retry 4 --retry-connrefused --output "$part" "$1"
  if ! echo "$3  $part" | sha256sum --check --status; then
    say "setup: $1 is not what was expected (wanted sha256 $3): it was not used"
    rm -f "$part"
    return 1
  fi
  mv "$part" "$2"
}
