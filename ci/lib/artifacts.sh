# shellcheck shell=bash
# The parts `base-image`, `components`, `tools` and `azurite` of ci/setup: what is made and kept in the cache.

: "${here:?ci/setup says where it is}" "${cache:?}"

check_base_image() { "$here/base-image" --check; }

make_base_image() {
  # mmdebstrap installs packages in a root of its own, which takes root.
  as_root "$here/base-image"
  give_back "$cache/base"
}

check_components() { "$here/components" --check; }

# Hundreds of lines about modules that are downloaded help nobody.
make_components() { "$here/components" 2> >(grep --line-buffered -v '^go: downloading' >&2); }

# What root made in a person's cache belongs to that person.
give_back() {
  [ "$(id -u)" = 0 ] || as_root chown -R "$(id -u):$(id -g)" "$1"
}

# --- Go-built clients that the tests run, pinned by tests/tools/go.mod.
tools=$here/../tests/tools

tool_packages() { sed -n '/^tool (/,/^)/{ /^\t/s/^\t//p }; s/^tool \([^(].*\)/\1/p' "$tools/go.mod"; }

check_tools() {
  local package name bad=0
  for package in $(tool_packages); do
    name=$(basename "$package")
    if [ -x "$cache/tools/bin/$name" ] && mark_is_current "tool-$name" "$tools/go.mod" "$tools/go.sum"; then
      there "$name" "$cache/tools/bin/$name"
    else
      missing "$name" || bad=1
    fi
  done
  return "$bad"
}

make_tools() {
  local package name
  for package in $(tool_packages); do
    name=$(basename "$package")
    ! mark_is_current "tool-$name" "$tools/go.mod" "$tools/go.sum" || [ ! -x "$cache/tools/bin/$name" ] || continue
    say "  building $name"
    (cd "$tools" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off \
      quietly go build -trimpath -ldflags '-s -w' -o "$cache/tools/bin/$name" "$package")
    write_mark "tool-$name" "$tools/go.mod" "$tools/go.sum"
  done
}

# --- Azurite, which speaks like Azure storage: the only one of the tests' servers that needs Node.
azurite=$here/azurite

check_azurite() {
  local program=$cache/azurite/node_modules/.bin/azurite-blob
  if [ -x "$program" ] && mark_is_current azurite "$azurite/package-lock.json"; then
    there azurite-blob "$program"
  else
    missing azurite-blob
  fi
}

make_azurite() {
  command -v npm >/dev/null || install_packages nodejs npm
  mkdir -p "$cache/azurite"
  cp "$azurite/package.json" "$azurite/package-lock.json" "$cache/azurite/"
  # Nothing that a package wants to run while it is installed is needed.
  quietly npm ci --prefix "$cache/azurite" --ignore-scripts --no-audit --no-fund
  write_mark azurite "$azurite/package-lock.json"
}
