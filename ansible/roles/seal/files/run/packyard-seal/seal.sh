# Takes out of a machine what its copies must not share. Runs twice: `now`, while
# the build still watches, for all that nobody needs any more; and `final`, at
# shutdown, for what came up in between and for what kept the machine reachable:
# its user, keys, network and name. Prints what it took out. `now` also arms the
# unit that runs `final`. What may differ stands in `settings` beside this file.
# shellcheck shell=bash disable=SC2154 # the variables are those of the role
set -u
# shellcheck source=/dev/null
. /run/packyard-seal/settings
shopt -s nullglob dotglob
phase=$1
# There until all is done, with what was not: who looks at the image sees that it is not sealed.
unsealed=/etc/packyard-unsealed
failed=

remove() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    rm -rf -- "$path" && echo "removed $path"
  done
}
undone() { # what
  failed=yes
  echo "$1" | tee -a "$unsealed"
}
empty() {
  local path
  for path in "$@"; do
    [ -f "$path" ] && [ -s "$path" ] && : > "$path" && echo "emptied $path"
  done
}
content() { # path, text
  [ "$(cat "$1" 2>/dev/null)" = "$2" ] && return
  if [ -n "$2" ]; then printf '%s\n' "$2" > "$1"; else : > "$1"; fi
  echo "wrote $1"
}

packages() {
  remove /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/* /var/cache/apt/*.bin /var/lib/apt/lists/*_*
  remove /var/cache/debconf/*-old /var/lib/dpkg/*-old /etc/apt/apt.conf.d/*proxy* /root/.pip /root/.config/pip
  [ "$seal_hold_packages" != true ] || hold_packages
  [ "$seal_mask_apt_timers" != true ] || mask_apt_timers
}
hold_packages() {
  local before
  before=$(dpkg --get-selections)
  printf '%s\n' "$before" | sed 's/\binstall$/hold/' | dpkg --set-selections
  [ "$before" = "$(dpkg --get-selections)" ] || echo "held all packages"
}
mask_apt_timers() {
  local timer
  for timer in apt-daily.timer apt-daily-upgrade.timer; do
    [ "$(readlink "/etc/systemd/system/$timer")" = /dev/null ] && continue
    ln -sf /dev/null "/etc/systemd/system/$timer" && echo "masked $timer"
  done
  remove /etc/systemd/system/timers.target.wants/apt-daily*.timer
}

# What `cloud-init clean --logs --seed --machine-id --configs all` removes, without
# its start-up time, and what else makes one machine different from the next.
identity() {
  remove /var/lib/cloud/* /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \
    /etc/systemd/network/10-cloud-init-* /etc/ssh/sshd_config.d/{50-cloud-init,01-packyard-build}.conf /etc/sudoers.d/90-cloud-init* \
    /etc/cloud/ds-identify.cfg /etc/cloud/cloud.cfg.d/{90-installer-network,99-installer,curtin-preserve-sources}.cfg \
    /etc/cloud/cloud.cfg.d/*subiquity-disable-cloudinit-networking.cfg
  remove /etc/udev/rules.d/70-persistent-net.rules /var/lib/dhcp/* /var/lib/dhcpcd/* /var/lib/systemd/network/*
  remove /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/systemd/timers/* /boot/efi/loader/random-seed
  content /etc/machine-id ''
  [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ] && ln -sf /etc/machine-id /var/lib/dbus/machine-id
  content /etc/hostname "$seal_hostname"
  content /etc/hosts "127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters"
  remove /root/.ssh/authorized_keys /root/.ssh/known_hosts
}

traces() {
  remove /var/log/cloud-init*.log /var/log/sudo.log /var/log/apt /var/log/*.gz /var/log/*.[0-9] /var/log/*.old \
    /var/log/installer /var/log/unattended-upgrades /var/log/pods /var/log/containers /var/crash/* /var/lib/systemd/coredump/*
  empty /var/log/*.log /var/log/wtmp /var/log/btmp /var/log/lastlog /var/log/faillog
  remove /var/lib/wtmpdb/* /var/lib/lastlog/* /var/lib/sudo/lectured/* /var/swap* /swapfile /swap.img
  remove {/root,/home/*}/{.bash_history,.cache,.local,.lesshst,.viminfo,.wget-hsts,.python_history}
  # shellcheck disable=SC2086 # patterns are to be expanded
  remove $seal_extra_paths
}

# journald gives up its files first, or it would go on writing to them.
journal() {
  if [ "$phase" = final ]; then
    journalctl --relinquish-var
    remove /var/log/journal/*
  else
    journalctl --rotate --vacuum-time=1s >/dev/null 2>&1
  fi
}

keys() { remove /etc/ssh/ssh_host_*; }

temporary() { remove /var/tmp/* /tmp/* {/root,/home/*}/.ansible; }

# The copies that shadow's tools leave behind still name the user.
build_user() {
  local user=$seal_build_user file
  if id -- "$user" >/dev/null 2>&1; then
    userdel --force --remove -- "$user" 2>/dev/null
    echo "removed user $user"
  fi
  remove "/home/$user" "/var/mail/$user" "/var/lib/systemd/linger/$user"
  grep -ls -- "^$user\b" /etc/sudoers.d/* | while read -r file; do remove "$file"; done
  for file in passwd shadow group gshadow subuid subgid; do
    [ -e "/etc/$file-" ] && cp --preserve=all "/etc/$file" "/etc/$file-"
  done
}

# systemd finds a new unit by itself; a reload would run all generators, which takes an
# emulated guest seconds.
arm() {
  local unit=packyard-seal.service
  systemctl start "$unit" 2>/dev/null && return
  systemctl daemon-reload && systemctl start "$unit"
}

# Blocks of removed files keep their bytes until the disk is told that they are free: last of all.
trim() {
  local mount
  [ "$seal_trim" = true ] || { sync; return; }
  while read -r mount; do
    scrub "$mount" || undone "what is free on $mount was not scrubbed"
  done < <(findmnt --raw --noheadings --types ext4,xfs --options rw --output TARGET | sort -u)
  sync
  fstrim --all --quiet-unsupported
}

# What scrubbing takes is asked for while somebody can still be told that it is missing.
can_trim() {
  local tool
  [ "$seal_trim" = true ] || return 0
  for tool in fallocate filefrag findmnt fstrim python3; do
    command -v "$tool" >/dev/null && continue
    echo "$tool is missing, so removed keys would stay on the disk: install it, or set seal_trim to false" >&2
    exit 1
  done
}

# A disk image forgets whole clusters, of 64 KiB for most. What is free between two files is smaller
# and would stay, a removed key among it: so all that is free becomes a file, which costs no writing,
# and both ends of each of its pieces are filled with zeros.
scrub() { # mount point
  local file=$1/.packyard-free blocks bytes status
  # With what is kept for root. The last of it goes into the file's own map, which is no fault.
  read -r blocks bytes < <(stat --file-system --format '%f %S' "$1")
  fallocate --length $((blocks * bytes)) "$file" 2>/dev/null
  (set -o pipefail; filefrag -b4096 -v "$file" | python3 -S -E -c '
import os, re, sys
BLOCK, CLUSTER = 4096, 65536
out, pieces = os.open(sys.argv[1], os.O_WRONLY), 0
for line in sys.stdin:
    piece = re.match(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):", line)
    if piece:
        pieces += 1
        first, end = int(piece[1]) * BLOCK, (int(piece[2]) + 1) * BLOCK
        for at, to in ((first, min(first + CLUSTER, end)), (max(end - CLUSTER, first), end)):
            os.pwrite(out, bytes(to - at), at)
os.fsync(out)
sys.exit(pieces == 0)' "$file")
  status=$?
  # Before anything is written about it: until then there is no room.
  rm -f -- "$file"
  return "$status"
}

[ "$phase" = final ] || can_trim
traces
if [ "$phase" = final ]; then
  build_user
  keys
  identity
  temporary
  journal
  trim
  [ -n "$failed" ] || rm -f -- "$unsealed"
  sync
else
  echo "begun and not ended" > "$unsealed"
  packages
  journal
  arm
fi
