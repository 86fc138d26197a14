#!/usr/bin/env bash
# Make a Docker engine and a base image for the tests, on a Debian machine, as root. Idempotent.
#
#   tests/docker_engine.sh          engine and image
#   tests/docker_engine.sh stop     end what this script started
#
# There may be no registry: the image comes from debootstrap, kept in $LOCALFAAS_TEST_CACHE.
set -euo pipefail

cache=${LOCALFAAS_TEST_CACHE:-/var/cache/localfaas-tests}
image=localfaas-test/base:1
pidfile=/run/localfaas-test-dockerd.pid
log=/var/log/localfaas-test-dockerd.log
handlers=/proc/sys/fs/binfmt_misc
handler=localfaas-test-arm64

answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

if [ "${1:-}" = stop ]; then
  [ ! -e "$handlers/$handler" ] || echo -1 >"$handlers/$handler"
  [ -f "$pidfile" ] || exit 0
  engine=$(cat "$pidfile")
  kill "$engine" 2>/dev/null || true
  for _ in $(seq 100); do
    [ -d "/proc/$engine" ] || break
    sleep 0.2
  done
  kill -KILL "$engine" 2>/dev/null || true
  rm -f "$pidfile"
  exit 0
fi

# shellcheck disable=SC1091
release() { (. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}"); }

# Whether this kernel lets programs of another architecture be emulated.
can_emulate() {
  [ "$(uname -m)" = x86_64 ] || return 1
  [ -e "$handlers/register" ] || mount -t binfmt_misc none "$handlers" 2>/dev/null
}

# What is to go when this ends, however it ends.
leftovers=()
trap '[ "${#leftovers[@]}" -eq 0 ] || rm -rf "${leftovers[@]}"' EXIT

missing=()
command -v dockerd >/dev/null && command -v docker >/dev/null || missing+=(docker.io)
command -v iptables >/dev/null || missing+=(iptables)
# Where the kernel has AppArmor, an engine starts no container without its parser.
if grep -qs Y /sys/module/apparmor/parameters/enabled; then
  command -v apparmor_parser >/dev/null || [ -x /sbin/apparmor_parser ] || missing+=(apparmor)
fi
# For tests/other_engine.sh.
command -v podman >/dev/null || missing+=(podman)
# Podman 5's networks need these.
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || missing+=(nftables)
command -v pasta >/dev/null || missing+=(passt)
command -v catatonit >/dev/null || missing+=(catatonit)
command -v newuidmap >/dev/null || missing+=(uidmap)
command -v slirp4netns >/dev/null || missing+=(slirp4netns)
command -v rootlesskit >/dev/null || missing+=(rootlesskit)
# For tests/remote_engine.sh.
command -v ip >/dev/null || missing+=(iproute2)
command -v openssl >/dev/null || missing+=(openssl)
command -v pgrep >/dev/null || missing+=(procps)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
command -v ssh >/dev/null || missing+=(openssh-client)
# For tests/acceptance/own_registry.py.
command -v docker-registry >/dev/null || missing+=(docker-registry)
command -v debootstrap >/dev/null || missing+=(debootstrap)
if can_emulate; then
  [ -x /usr/bin/qemu-aarch64-static ] || missing+=(qemu-user-static)
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
fi
command -v mkfs.ext4 >/dev/null || [ -x /sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
if [ "${#missing[@]}" -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # A policy of "no services": nothing here starts by itself.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    leftovers+=("$policy")
  fi
  apt=(apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -qq)
  "${apt[@]}" update
  # From Debian 13 on, the command is a package of its own.
  command -v docker >/dev/null || ! apt-cache show docker-cli >/dev/null 2>&1 ||
    missing+=(docker-cli)
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ca-certificates
fi

if ! answers; then
  # An earlier engine's leftovers keep a new one from starting.
  rm -f /var/run/docker.pid
  options=(--pidfile "$pidfile")
  [ -d /run/systemd/system ] || options+=(--exec-opt native.cgroupdriver=cgroupfs)
  grep -qw overlay /proc/filesystems || options+=(--storage-driver vfs)
  setsid nohup dockerd "${options[@]}" >"$log" 2>&1 </dev/null &
  for _ in $(seq 120); do
    answers && break
    sleep 0.5
  done
  answers || { tail -n 30 "$log" >&2; echo "dockerd did not start" >&2; exit 1; }
fi

if ! docker image inspect "$image" >/dev/null 2>&1; then
  archive=$("$(dirname "$0")/base_image.sh")
  docker import --change 'CMD ["/bin/sh"]' "$archive" "$image" >/dev/null
fi

if can_emulate; then
  # Not by the package's own means, which a machine without systemd lacks. "F" opens the emulator
  # here and now, so that containers, which do not have it, can use it.
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  compgen -G "$handlers/*aarch64*" >/dev/null || compgen -G "$handlers/*arm64*" >/dev/null ||
    echo ":$handler:M::$magic:$mask:/usr/bin/qemu-aarch64-static:F" >"$handlers/register" ||
    echo "this kernel takes no handler for arm64" >&2
  archive=$cache/arm64-1.tar
  if [ ! -f "$archive" ]; then
    mkdir -p "$cache"
    # Unpacked only: what packages run to be set up would have to be emulated, for minutes.
    mmdebstrap --quiet --variant=extract --architectures=arm64 --include=base-files,python3,dash \
      "$(release)" "$archive.new.tar"
    mv "$archive.new.tar" "$archive"
  fi
fi
echo "engine $(docker version --format '{{.Server.Version}}'), image $image"
