#!/usr/bin/env bash
# Make an engine of another kind than tests/docker_engine.sh does, which installs what this needs.
# Debian, root.
#
#   tests/other_engine.sh start KIND FOLDER   podman, podman-rootless or docker-rootless
#   tests/other_engine.sh stop KIND FOLDER    leaves nothing
#
# FOLDER/engine.sock is its socket. A rootless engine belongs to a user made for it, FOLDER/user,
# whose home is FOLDER/home and whose XDG_RUNTIME_DIR is named in FOLDER/runtime.
set -Eeuo pipefail

command=$1 kind=$2
folder=$(mkdir -p "$3" && cd "$3" && pwd)
cache=${LOCALFAAS_TEST_CACHE:-/var/cache/localfaas-tests}
image=localfaas-test/base:1
export DOCKER_HOST=unix://$folder/engine.sock
export CONTAINERS_REGISTRIES_CONF=$folder/registries.conf
unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT XDG_RUNTIME_DIR

storage=overlay
grep -qw overlay /proc/filesystems || storage=vfs
podman=(podman --storage-driver "$storage" --cgroup-manager cgroupfs --events-backend file)
# Not every crun serves a machine whose control groups are of both versions.
command -v runc >/dev/null && podman+=(--runtime runc)
podman+=(--root "$folder/data")
[ "$kind" != podman ] || podman+=(--runroot "$folder/run")

as_user() {
  setpriv --reuid "$(cat "$folder/user")" --regid "$(cat "$folder/user")" --init-groups \
    env -i PATH="$PATH:/usr/share/docker.io/contrib" HOME="$folder/home" \
    TMPDIR="$folder/home" XDG_RUNTIME_DIR="$(cat "$folder/runtime")" "$@"
}

# The processes of the user, and of the user ids of its containers.
processes() {
  local user first count
  user=$(id -u "$(cat "$folder/user")")
  IFS=: read -r _ first count < <(grep "^$(cat "$folder/user"):" /etc/subuid)
  ps -eo pid=,uid=,stat= | awk -v user="$user" -v first="$first" -v last="$((first + count))" \
    '$3 !~ /^Z/ && ($2 == user || $2 >= first && $2 < last) { print $1 }'
}

# Ends all of them, again and again: some start others.
end_all() {
  local found
  for _ in $(seq 50); do
    mapfile -t found < <(processes)
    [ "${#found[@]}" -gt 0 ] || return 0
    kill -KILL "${found[@]}" 2>/dev/null || true
    sleep 0.1
  done
}

stop() {
  if [ -f "$folder/user" ]; then
    if grep -q "^$(cat "$folder/user"):" /etc/subuid; then end_all; fi
    userdel "$(cat "$folder/user")" 2>/dev/null || true
    [ ! -f "$folder/runtime" ] || rm -rf "$(cat "$folder/runtime")"
  fi
  if [ "$kind" = podman ]; then
    "${podman[@]}" rm --all --force --time 0 >/dev/null 2>&1 || true
    [ ! -f "$folder/pid" ] || kill -TERM "$(cat "$folder/pid")" 2>/dev/null || true
    [ -f "$folder/had-bridge" ] || ip link del cni-podman0 2>/dev/null || true
    awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | tac |
      while read -r point; do umount --lazy "$point"; done
    find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
  fi
  rm -rf "$folder"
}

make_user() {
  local name=lf-$$
  useradd --no-create-home --home-dir "$folder/home" "$name"
  echo "$name" >"$folder/user"
  # Podman shows its own /run to its network's programs: this one has to be below it.
  echo "/run/user/$(id -u "$name")" >"$folder/runtime"
  mkdir -p "$folder/home" "$(cat "$folder/runtime")"
  chown "$name" "$folder" "$folder/home" "$(cat "$folder/runtime")"
  chmod 700 "$(cat "$folder/runtime")"
}

# Keeps what the engine has in memory: images on their way to the disk hold everybody up who waits
# for it. Such a file system has taken a user's overlays since Linux 6.6.
in_memory() {
  # Docker takes registries of loopback without TLS, of whatever port; Podman has to be told.
  printf '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n' >"$CONTAINERS_REGISTRIES_CONF"
  mkdir -p "$folder/data"
  if [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" = 6.6 ]; then
    mount -t tmpfs -o size=2g,mode=755 none "$folder/data"
  fi
  [ "$kind" = podman ] || chown "$(cat "$folder/user")" "$folder/data"
}

# What a rootless engine finds on a machine that udev and systemd have set up.
usual_machine() {
  mount --make-rshared /
  for device in net/tun:10:200 fuse:10:229; do
    IFS=: read -r name major minor <<<"$device"
    [ -e "/dev/$name" ] || continue
    mknod -m 666 "$folder/${name##*/}" c "$major" "$minor"
    mount --bind "$folder/${name##*/}" "/dev/$name"
  done
}

run() {
  # Podman notes an out-of-memory kill by a file where it is: not in somebody's checkout.
  cd "$folder"
  case $kind in
    podman)
      in_memory
      exec "${podman[@]}" system service --time 0 "$DOCKER_HOST"
      ;;
    podman-rootless)
      in_memory
      usual_machine
      as_user "${podman[@]}" system service --time 0 "$DOCKER_HOST"
      ;;
    docker-rootless)
      in_memory
      usual_machine
      as_user dockerd-rootless.sh --host "$DOCKER_HOST" --data-root "$folder/data" \
        --exec-root "$(cat "$folder/runtime")/docker" --pidfile "$folder/home/docker.pid"
      ;;
  esac
}

start() {
  trap stop ERR
  chmod 755 "$folder"
  if [ "$kind" = podman ]; then
    if [ -e /sys/class/net/cni-podman0 ]; then touch "$folder/had-bridge"; fi
    setsid "$0" run "$kind" "$folder" >"$folder/log" 2>&1 </dev/null &
  else
    make_user
    setsid unshare --mount "$0" run "$kind" "$folder" >"$folder/log" 2>&1 </dev/null &
  fi
  echo $! >"$folder/pid"
  for _ in $(seq 120); do
    timeout 10 docker version >/dev/null 2>&1 && break
    sleep 0.25
  done
  docker version >/dev/null || { tail -n 30 "$folder/log" >&2; false; }
  # The variable says that the AWS SDK is there: these tests need not have it shown.
  docker import --change 'CMD ["/bin/sh"]' --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
    "$cache/base-1.tar" "$image" >/dev/null
}

"$command"
