# shellcheck shell=bash
# Arguments: folder with kube-bench and its cfg, benchmark, targets. Writes the
# report to standard output and says on standard error what went wrong.
#
# The kubelet needs a client certificate authority and somebody to ask for
# permissions, or it refuses the configuration. kubeadm makes both for a server
# that does not exist; they live in /run and in /etc/kubernetes/pki, and go.
set -u
media=$1 benchmark=$2 targets=$3
work=/run/packyard/kube-bench
unit=packyard-kubelet.service
healthy_within_secs=90

fail() {
  echo "kube-bench: $*" >&2
  journalctl --unit "$unit" --lines 20 --no-pager --output cat >&2
  exit 1
}
healthy() { # the guest may have no curl, so bash asks by itself
  local status
  exec 3<>/dev/tcp/127.0.0.1/10248 || return 1
  printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
  read -r -t 5 status <&3
  exec 3>&-
  [[ $status == *" 200 "* ]]
} 2>/dev/null
clean() {
  systemctl stop "$unit" 2>/dev/null
  systemctl reset-failed "$unit" 2>/dev/null
  rm -rf "$work" /etc/kubernetes/pki
  find /var/lib/kubelet -mindepth 1 -maxdepth 1 ! -name config.yaml -exec rm -rf {} +
}
trap clean EXIT

[ -e /etc/kubernetes/pki ] && { trap - EXIT; fail "/etc/kubernetes/pki exists: this machine has joined a cluster"; }
[ -s /var/lib/kubelet/config.yaml ] || fail "no /var/lib/kubelet/config.yaml: has the role kubernetes run?"
mkdir -p "$work"

tool=$media/kube-bench
[ -x "$tool" ] || { install -m 0755 "$tool" "$work/kube-bench" || fail "no kube-bench in $media"; tool=$work/kube-bench; }
cfg=$media/kube-bench-cfg
if [ ! -d "$cfg" ]; then
  tar -xf "$(find "$media" -name 'kube-bench-cfg*.tar*' | head -n 1)" -C "$work" || fail "no configuration of kube-bench in $media"
  cfg=$(dirname "$(find "$work" -name config.yaml -path '*cfg/config.yaml' | head -n 1)")
fi

kubeadm init phase certs ca --kubernetes-version v1.34.0 >"$work/log" 2>&1 || fail "kubeadm makes no authority: $(cat "$work/log")"
kubeadm init phase kubeconfig kubelet --kubernetes-version v1.34.0 --apiserver-advertise-address 192.0.2.1 \
  --node-name localhost --kubeconfig-dir "$work" >>"$work/log" 2>&1 || fail "kubeadm makes no client: $(cat "$work/log")"
sed -i 's|server: .*|server: https://127.0.0.1:6443|' "$work/kubelet.conf"
systemd-run --quiet --unit "$unit" /usr/bin/kubelet --config=/var/lib/kubelet/config.yaml \
  --kubeconfig="$work/kubelet.conf" || fail "the kubelet cannot be started"

until healthy; do
  systemctl is-active --quiet "$unit" || fail "the kubelet stopped: it refuses /var/lib/kubelet/config.yaml"
  [ "$SECONDS" -lt "$healthy_within_secs" ] || fail "the kubelet was not healthy within $healthy_within_secs s"
  sleep 0.5
done

"$tool" run --targets "$targets" --benchmark "$benchmark" --json --outputfile "$work/report.json" \
  --config-dir "$cfg" --config "$cfg/config.yaml" >&2 || fail "it ended with an error"
cat "$work/report.json"
