#!/usr/bin/env bash
# Make the files of the tests' base image (Debian with Python and Node.js), as root, once per
# machine, and print the path of the tar. There may be no registry: it comes from debootstrap.
set -euo pipefail

cache=${LOCALFAAS_TEST_CACHE:-/var/cache/localfaas-tests}
archive=$cache/base-1.tar
mkdir -p "$cache"
# The engine's script and the cluster's run side by side.
exec 9>"$cache/base.lock"
flock 9
if [ ! -f "$archive" ]; then
  root=$(mktemp -d "$cache/root.XXXXXX")
  trap 'rm -rf "$root"' EXIT
  # shellcheck disable=SC1091
  debootstrap --variant=minbase --include=python3,nodejs,ca-certificates \
    "$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")" "$root" \
    >"$cache/debootstrap.log" 2>&1 || { tail -n 30 "$cache/debootstrap.log" >&2; exit 1; }
  rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}
  mkdir -p "$root"/var/task "$root"/opt
  chmod 755 "$root"  # mktemp's is for its owner alone, and so might be the image's /
  tar -C "$root" -cf "$archive.new" .
  mv "$archive.new" "$archive"
fi
echo "$archive"
