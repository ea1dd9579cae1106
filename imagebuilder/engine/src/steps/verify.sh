# Looks at a freshly booted image, as root. One line per check: `pass WHAT` or `fail WHAT`.
set -u
check() { # what must hold, then a command
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "pass $what"; else echo "fail not true: $what"; fi
}
none() { # what must not be there, then paths
  local what=$1 found=
  shift
  for path in "$@"; do
    if [ -e "$path" ] || [ -L "$path" ]; then found="$found $path"; fi
  done
  if [ -z "$found" ]; then echo "pass no $what"; else echo "fail there are $what:$found"; fi
}
absent() { # text that must be in none of the files
  local what=$1 text=$2
  shift 2
  local found
  found=$(grep -rlIs -- "$text" "$@" | head -n 5 | tr '\n' ' ')
  if [ -z "$found" ]; then echo "pass $what"; else echo "fail not true: $what: $found"; fi
}

check "the machine has an id of its own" sh -c '[ "$(wc -c < /etc/machine-id)" -ge 33 ] && [ "$(cat /etc/machine-id)" != "@MACHINE_ID@" ]'
check "the only host key is the one just given" sh -c '[ "$(ls /etc/ssh/ssh_host_*_key)" = /etc/ssh/ssh_host_ed25519_key ]'
if [ ! -e /etc/packyard-unsealed ]; then
  echo "pass the seal came to its end"
else
  echo "fail the seal did not come to its end: $(tr '\n' ' ' < /etc/packyard-unsealed)"
fi
check "the build user is gone" sh -c '! getent passwd @BUILD_USER@'
none "files of the build user" /home/@BUILD_USER@ /var/mail/@BUILD_USER@ /var/spool/cron/crontabs/@BUILD_USER@
absent "nothing in /etc names the build user" '@BUILD_USER@' /etc
absent "nothing names the proxy of the build" '@PROXY@' /etc /root /home /usr/local /var/lib/systemd
none "settings of the build's proxy" /etc/apt/apt.conf.d/*packyard* /etc/ssh/sshd_config.d/*packyard*
absent "no trace of the build's first boot" '@BUILD_INSTANCE@' /etc /var/log /var/lib/cloud
none "timers that switch the machine off" /{etc,usr/lib,usr/local/lib}/systemd/system/packyard-deadline.timer
none "leftovers of Ansible" /root/.ansible /home/*/.ansible /tmp/ansible* /var/tmp/ansible*
none "packages of apt's cache" /var/cache/apt/archives/*.deb
none "shell histories" /root/.bash_history /home/*/.bash_history
none "swap files" /swapfile /swap.img
none "core dumps" /var/lib/systemd/coredump/* /var/crash/*
none "installer leftovers" /etc/cloud/cloud.cfg.d/99-installer.cfg /etc/cloud/cloud.cfg.d/*subiquity* /etc/udev/rules.d/70-persistent-net.rules
check "the logs are short" sh -c '[ "$(du -sm /var/log | cut -f1)" -le 200 ]'
check "no password opens an account" sh -c '! cut -d: -f2 /etc/shadow | grep -qE "^(\\$|$)"'

# An emulated machine answers over SSH before cloud-init has ended: looked at last.
waited=0
until [ -e /run/cloud-init/result.json ] || [ "$waited" -ge 300 ]; do
  sleep 1
  waited=$((waited + 1))
done
check "cloud-init took the fresh seed" grep -q '@INSTANCE@' /var/lib/cloud/data/instance-id
check "cloud-init ended without errors" grep -q '"errors": \[\]' /run/cloud-init/result.json

# shellcheck disable=SC2050 # replaced before it is sent
if [ "@KUBERNETES@" = yes ]; then
  check "kubelet, kubeadm and kubectl are installed" sh -c 'command -v kubelet && command -v kubeadm && command -v kubectl'
  check "containerd runs" systemctl is-active --quiet containerd
  check "the kubelet starts with the machine" sh -c 'systemctl is-enabled kubelet'
  check "the kubelet waits for a cluster" sh -c '! systemctl is-active --quiet kubelet && ! systemctl is-failed --quiet kubelet'
  none "files of a cluster" /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf /etc/kubernetes/pki /var/lib/etcd/member
fi

failed=$(systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1 | tr '\n' ' ')
if [ -z "$failed" ]; then echo "pass no unit failed"; else echo "fail units failed: $failed"; fi
echo "pass end"
