# shellcheck shell=bash
# The parts `rust`, `go` and `python` of ci/setup: compilers and the virtual environment.

: "${here:?ci/setup says where it is}" "${cache:?}" "${venv:?}"

expect_version() { # program, wanted, found
  if [ "$3" = "$2" ]; then there "$1" "$3"; else missing "$1" "$2 (found ${3:-none})"; fi
}

# --- Rust: rust-toolchain.toml says which; rustup brings it.
rustup_version=1.29.0
rustup_sha256=4acc9acc76d5079515b46346a485974457b5a79893cfb01112423c89aeb5aa10
rust_channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$here/../rust-toolchain.toml")

check_rust() {
  local version
  version=$(cd "$here" && RUSTUP_AUTO_INSTALL=0 cargo --version 2>/dev/null | cut -d' ' -f2) || true
  expect_version cargo "$rust_channel" "$version"
}

make_rust() {
  command -v rustup >/dev/null || install_rustup
  quietly rustup toolchain install --no-self-update --profile minimal --component clippy --component rustfmt \
    "$rust_channel"
}

# The distribution's rustup is too old or absent in half of the supported ones, so this is Rust's own.
install_rustup() {
  local root=${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup} folder
  folder=$(mktemp --directory)
  download "$root/archive/$rustup_version/x86_64-unknown-linux-gnu/rustup-init" "$folder/rustup-init" "$rustup_sha256"
  chmod +x "$folder/rustup-init"
  quietly "$folder/rustup-init" -y --quiet --no-modify-path --profile minimal --default-toolchain none
  rm -rf "$folder"
}

# --- Go: exactly the version that the modules pin, since the bytes of what it builds depend on it.
go_version=$(sed -n 's/^toolchain go//p' "$here/kubernetes/go.mod")
go_sha256=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7

check_go() {
  local version
  version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || true
  expect_version go "$go_version" "${version#go}"
}

# The compiler is a module like any other; any Go at all knows where modules come from.
make_go() {
  local proxy folder module="golang.org/toolchain@v0.0.1-go$go_version.linux-amd64"
  command -v go >/dev/null || install_packages golang-go
  proxy=$(go env GOPROXY | sed 's/[,|].*//')
  folder=$(mktemp --directory --tmpdir="$cache" .go.XXXXXX)
  download "$proxy/${module/@//@v/}.zip" "$folder/go.zip" "$go_sha256"
  unzip -q "$folder/go.zip" -d "$folder"
  # The archive carries no modes.
  chmod -R u+w,a+rX "$folder/$module"
  chmod +x "$folder/$module"/bin/* "$folder/$module"/pkg/tool/linux_amd64/*
  rm -rf "$cache/go"
  mv "$folder/$module" "$cache/go"
  rm -rf "$folder"
}

# --- Python: a virtual environment for ansible and its checks, and one that only tests need.
requirements=$here/python/requirements.txt
test_requirements=$here/python/tests.txt
test_venv=$cache/venv-tests

check_python() {
  if [ -x "$venv/bin/ansible-playbook" ] && mark_is_current python "$requirements"; then
    there ansible-core "$("$venv/bin/python" -c 'import ansible.release as r; print(r.__version__)')"
    there virtual-environment "$venv"
  else
    missing virtual-environment "$venv"
  fi
  if [ -x "$test_venv/bin/schemathesis" ] && mark_is_current python-tests "$test_requirements"; then
    there virtual-environment "$test_venv"
  else
    missing virtual-environment "$test_venv"
  fi
}

make_python() {
  local python
  python=$(newest_python) || {
    say "setup: ansible-core needs Python 3.11 or newer, and this machine offers none"
    return 1
  }
  fill_venv "$python" "$venv" "$requirements"
  write_mark python "$requirements"
  fill_venv "$python" "$test_venv" "$test_requirements"
  write_mark python-tests "$test_requirements"
}

fill_venv() { # python, folder, requirements
  if ! "$2/bin/python" -c '' 2>/dev/null; then
    rm -rf "$2"
    "$1" -m venv "$2"
  fi
  quietly "$2/bin/pip" install --disable-pip-version-check --require-hashes --requirement "$3"
}

# The distribution's own before any other: it will still be there tomorrow.
newest_python() {
  local python
  for python in /usr/bin/python3 /usr/bin/python3.{13,12,11} python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}
