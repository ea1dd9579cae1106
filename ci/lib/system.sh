# shellcheck shell=bash
# The part `system` of ci/setup: packages of the distribution.

# Why each is here: build tools; programs that the set-up uses; machines and their disks; the base
# image; clients and a database server that the tests run; checks.
system_packages=(
  git make gcc libc6-dev pkg-config
  ca-certificates curl gnupg jq openssh-client procps python3 python3-venv unzip xz-utils zstd
  qemu-system-x86 qemu-utils ipxe-qemu xorriso
  mmdebstrap debian-archive-keyring e2fsprogs fdisk grub-common grub-pc-bin
  skopeo containerd postgresql shellcheck
)

require_supported_system() {
  local id='' version=''
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091 # the machine's own file
    id=$(. /etc/os-release && echo "${ID-}") version=$(. /etc/os-release && echo "${VERSION_ID-}")
  fi
  case $id-$version in
    debian-12 | debian-13 | ubuntu-22.04 | ubuntu-24.04) ;;
    *)
      if ! command -v apt-get >/dev/null; then
        say "setup: knows Debian 12 and 13 and Ubuntu 22.04 and 24.04, and this is '$id $version'"
        return 1
      fi
      say "setup: '$id $version' was never tried; going on as on Debian"
      ;;
  esac
  # Debian 12 and Ubuntu 22.04 differ here: ansible-core needs Python 3.11.
  if [ "$id-$version" = ubuntu-22.04 ]; then system_packages+=(python3.11 python3.11-venv); fi
}

package_version() {
  dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'
}

absent_packages() {
  local package
  for package in "${system_packages[@]}"; do
    [ -n "$(package_version "$package")" ] || echo "$package"
  done
}

check_system() {
  local package version bad=0
  for package in "${system_packages[@]}"; do
    version=$(package_version "$package")
    if [ -n "$version" ]; then there "$package" "$version"; else missing "$package" || bad=1; fi
  done
  return "$bad"
}

make_system() {
  local absent
  mapfile -t absent < <(absent_packages)
  say "  installing ${absent[*]}"
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || update_lists
  install_packages "${absent[@]}" || {
    say '  trying again with fresh package lists: those here may name files that are gone'
    update_lists
    install_packages "${absent[@]}"
  }
}

update_lists() { quietly as_root apt-get -o Acquire::Retries=3 update; }

install_packages() {
  quietly as_root apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 --no-install-recommends --yes install "$@"
}
