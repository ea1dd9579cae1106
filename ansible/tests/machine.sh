# shellcheck shell=bash
# A machine for the scripts beside this file: an overlay of the base image in emulation or
# KVM, with the components as media, reached over SSH, and Ansible's settings for it.
#
# Whoever sources it has set `here` to the collection's folder.

: "${here:?}"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/packyard
components=$(find "$cache/components" -mindepth 1 -maxdepth 1 -name 'v*' | sort --version-sort | tail -n 1)
# Another list where the Debian packages of the day are newer than the pack's, see ci/pin-packages.
: "${components_list:=$here/../packs/kubernetes/1.34/components.yaml}"
boot_within_secs=600
export PATH=$cache/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
work=$(mktemp --directory)
user=packyard-build

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
finish() {
  [ ! -e "$work/pid" ] || kill "$(cat "$work/pid")" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

seed() {
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/key"
  cat >"$work/user-data" <<DATA
#cloud-config
users:
  - {name: $user, shell: /bin/bash, sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: ["$(cat "$work/key.pub")"]}
DATA
  printf 'instance-id: %s\nlocal-hostname: debian\n' "$RANDOM" >"$work/meta-data"
  xorriso -as mkisofs -quiet -V cidata -J -r -o "$work/seed.iso" "$work/user-data" "$work/meta-data" 2>/dev/null
  xorriso -as mkisofs -quiet -f -iso-level 3 -V PACKYARD -J -r -o "$work/media.iso" -graft-points \
    "components=$components" 2>/dev/null
}

accelerator() { # KVM where the processor has it and it can be opened
  if grep -qE '\b(vmx|svm)\b' /proc/cpuinfo && [ -w /dev/kvm ]; then echo kvm; else echo tcg,thread=multi; fi
}

processor() { # the emulated cmpxchg16b makes some boots panic, see the provider's accelerator.rs
  if [ "$(accelerator)" = kvm ]; then echo host; else echo max,-cx16; fi
}

boot() {
  port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  qemu-img create -q -f qcow2 -F qcow2 -b "$(readlink -f "$cache/base/debian-13.qcow2")" "$work/disk.qcow2"
  qemu-system-x86_64 -accel "$(accelerator)" -cpu "$(processor)" -smp 2 -m 2048 -display none -daemonize -pidfile "$work/pid" \
    -drive "file=$work/disk.qcow2,if=virtio,cache=unsafe,discard=unmap" \
    -drive "file=$work/seed.iso,format=raw,if=virtio,readonly=on" \
    -drive "file=$work/media.iso,format=raw,if=virtio,readonly=on" \
    -netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=net \
    -serial "file:$work/serial.log" -qmp "unix:$work/qmp,server,nowait"
  until guest true 2>/dev/null; do
    [ "$SECONDS" -lt "$boot_within_secs" ] || die "no SSH within $boot_within_secs s; the console said: $(tail -n 3 "$work/serial.log")"
    sleep 1
  done
  guest 'sudo mkdir -p /run/packyard/media && sudo mount -o ro LABEL=PACKYARD /run/packyard/media'
}

guest() {
  ssh -i "$work/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$work/known" -o LogLevel=ERROR \
    -o ConnectTimeout=10 -o BatchMode=yes "$user@127.0.0.1" "$@"
}

settings() {
  mkdir -p "$work/ansible_collections/packyard"
  ln -s "$here" "$work/ansible_collections/packyard/image"
  echo "vm ansible_host=127.0.0.1 ansible_port=$port ansible_user=$user ansible_ssh_private_key_file=$work/key" \
    "ansible_python_interpreter=/usr/bin/python3" >"$work/inventory"
  python - "$components_list" >"$work/vars.json" <<'PYTHON'
import json, sys, yaml
components = yaml.safe_load(open(sys.argv[1]))["components"]
print(json.dumps({
    "packyard_components": [c | {"source": "bundle"} for c in components],
    "packyard_kubernetes_version": next(c["version"] for c in components if c["name"] == "kubelet"),
}))
PYTHON
  export ANSIBLE_COLLECTIONS_PATH=$work ANSIBLE_HOME=$work/home ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_PIPELINING=1
  export ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=$work/known" NO_COLOR=1
  ANSIBLE_STRATEGY_PLUGINS=$(python -c 'import ansible_mitogen, os; print(os.path.dirname(ansible_mitogen.__file__))')/plugins/strategy
  export ANSIBLE_STRATEGY_PLUGINS
}

play() { # strategy, playbook, more arguments; the log is $work/log
  local strategy=$1 playbook=$2
  shift 2
  ANSIBLE_STRATEGY=$strategy ansible-playbook -i "$work/inventory" -e "@$work/vars.json" "$playbook" "$@" >"$work/log" 2>&1
}
succeeds() { play "$@" || { cat "$work/log"; die "$2 with $1"; }; }
changes() { sed -n 's/.*changed=\([0-9]*\).*/\1/p' "$work/log"; }

shut_down() {
  python - "$work/qmp" <<'PYTHON'
import json, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
lines = link.makefile("rw")
lines.readline()
for command in ("qmp_capabilities", "system_powerdown"):
    lines.write(json.dumps({"execute": command}) + "\n")
    lines.flush()
    lines.readline()
PYTHON
  local until=$((SECONDS + 180))
  while [ -e "$work/pid" ]; do [ "$SECONDS" -lt "$until" ] || die "it does not shut down"; sleep 1; done
}
