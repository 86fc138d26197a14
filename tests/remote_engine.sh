#!/usr/bin/env bash
# Make a second Docker engine as if on another machine: namespaces of its own for the network,
# mounts, processes and the host's name, and none of this machine's /tmp, /run and checkout.
# Needs root, and what tests/docker_engine.sh installs and makes.
#
#   tests/remote_engine.sh start FOLDER   reached over TCP with TLS, over SSH, and by a socket
#   tests/remote_engine.sh stop FOLDER    leaves nothing
#
# `start` writes FOLDER/address (the engine's machine) and FOLDER/gateway (this one, from there);
# FOLDER/tls and FOLDER/ssh have what clients need; FOLDER/docker.sock is for the tests alone.
set -Eeuo pipefail

command=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)
checkout=$(cd "$(dirname "$0")/.." && pwd)
cache=${LOCALFAAS_TEST_CACHE:-/var/cache/localfaas-tests}
image=localfaas-test/base:1

stop() {
  if [ -f "$folder/pid" ]; then
    engine=$(pgrep -P "$(cat "$folder/pid")" || true)
    [ -z "$engine" ] || kill -TERM "$engine" 2>/dev/null || true
    for _ in $(seq 100); do
      [ -d "/proc/$(cat "$folder/pid")" ] || break
      sleep 0.1
    done
    # It is the first process of its PID namespace: all others go with it.
    [ -z "$engine" ] || kill -KILL "$engine" 2>/dev/null || true
  fi
  if [ -f "$folder/network" ]; then
    name=$(cat "$folder/network")
    ip link del "$name" 2>/dev/null || true
    ip netns del "$name" 2>/dev/null || true
  fi
  rm -rf "$folder"
}

make_network() {
  local number name
  for number in $(seq 1 250); do
    name=lfremote$number
    ip link add "$name" type veth peer name "${name}p" 2>/dev/null && break
  done
  echo "$name" >"$folder/network"
  gateway=10.213.$number.1 address=10.213.$number.2
  ip netns add "$name"
  ip link set "${name}p" netns "$name"
  ip addr add "$gateway/30" dev "$name"
  ip link set "$name" up
  ip -n "$name" addr add "$address/30" dev "${name}p"
  ip -n "$name" link set "${name}p" up
  ip -n "$name" link set lo up
  ip -n "$name" route add default via "$gateway"
  echo "$address" >"$folder/address"
  echo "$gateway" >"$folder/gateway"
}

make_certificates() {
  local tls=$folder/tls
  mkdir -p "$tls"
  authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
  authority -subj /CN=authority -days 2 -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$tls/ca-key.pem" -out "$tls/ca.pem" 2>/dev/null
  authority -subj /CN=engine -days 2 -CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem" \
    -addext "subjectAltName=IP:$address" -addext basicConstraints=critical,CA:FALSE \
    -keyout "$tls/engine-key.pem" -out "$tls/engine.pem" 2>/dev/null
  authority -subj /CN=client -days 2 -CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem" \
    -addext basicConstraints=critical,CA:FALSE \
    -keyout "$tls/key.pem" -out "$tls/cert.pem" 2>/dev/null
}

make_ssh() {
  local ssh=$folder/ssh
  mkdir -p "$ssh"
  ssh-keygen -q -t ed25519 -N '' -f "$ssh/host"
  ssh-keygen -q -t ed25519 -N '' -f "$ssh/client"
  cp "$ssh/client.pub" "$ssh/authorized"
  echo "[$address]:2222 $(cut -d' ' -f1,2 "$ssh/host.pub")" >"$ssh/known"
  cat >"$ssh/server.conf" <<END
Port 2222
HostKey $ssh/host
AuthorizedKeysFile $ssh/authorized
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
END
  cat >"$ssh/client.conf" <<END
IdentityFile $ssh/client
UserKnownHostsFile $ssh/known
GlobalKnownHostsFile /dev/null
END
}

# What runs as the first process of the engine's "machine".
machine() {
  mount -t tmpfs none /tmp
  mount -t tmpfs none /run
  mkdir -p /run/sshd
  # A checkout below those is out of sight already.
  [ ! -d "$checkout" ] || mount -t tmpfs none "$checkout"
  hostname engine
  [ ! -f "$folder/ssh/server.conf" ] || /usr/sbin/sshd -f "$folder/ssh/server.conf"
  local storage=()
  grep -qw overlay /proc/filesystems || storage=(--storage-driver vfs)
  exec dockerd --data-root "$folder/data" --exec-root /run/docker --pidfile /run/docker.pid \
    --exec-opt native.cgroupdriver=cgroupfs "${storage[@]}" \
    --host unix:///run/docker.sock --host "unix://$folder/docker.sock" \
    --host "tcp://$address:2376" --tlsverify --tlscacert "$folder/tls/ca.pem" \
    --tlscert "$folder/tls/engine.pem" --tlskey "$folder/tls/engine-key.pem"
}

start() {
  trap stop ERR
  make_network
  make_certificates
  if [ -x /usr/sbin/sshd ]; then make_ssh; fi
  export -f machine
  export folder checkout address
  setsid nsenter --net="/run/netns/$(cat "$folder/network")" \
    unshare --mount --uts --ipc --pid --fork --mount-proc \
    bash -euc machine >"$folder/log" 2>&1 </dev/null &
  echo $! >"$folder/pid"
  export DOCKER_HOST=unix://$folder/docker.sock
  unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT
  for _ in $(seq 120); do
    timeout 10 docker version >/dev/null 2>&1 && break
    sleep 0.5
  done
  docker version >/dev/null || { tail -n 30 "$folder/log" >&2; false; }
  # The variable says that the AWS SDK is there: most tests need not have it shipped.
  docker import --change 'CMD ["/bin/sh"]' --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
    "$cache/base-1.tar" "$image" >/dev/null
}

"$command"
