#!/usr/bin/env bash
# Run tests on a machine of its own: Debian with systemd and control groups of version 2, in qemu.
#
#   tests/virtual_machine.sh [pytest's arguments]       the process driver's contract without any
#
# For what the kernel at hand can't show. As root, on Debian; needs debootstrap, e2fsprogs and
# qemu-system-x86. The processor is emulated: the process driver's contract takes eight minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${LOCALFAAS_TEST_CACHE:-/var/cache/localfaas-tests}
root=$cache/vm-root
project=$root/root/localfaas
packages=systemd-sysv,udev,dbus,linux-image-cloud-amd64,initramfs-tools,kmod,iproute2,procps
packages+=,ca-certificates,curl,make,nodejs,python3,python3-venv
[ $# -gt 0 ] || set -- -m "not docker" tests/contract/test_driver.py tests/contract/test_process_driver.py

work=$(mktemp -d)
trap 'mountpoint -q "$root/proc" && umount "$root/proc"; rm -rf "$work"' EXIT

if [ ! -e "$root/made" ]; then
  rm -rf "$root"
  mkdir -p "$cache"
  debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$cache/vm.log" 2>&1 ||
    { tail -n 20 "$cache/vm.log" >&2; exit 1; }
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
  for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  touch "$root/made"
fi

# The project as it is here; its packages are installed from outside, over this machine's network.
mkdir -p "$project"
find "$project" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
git ls-files -z | tar c --null -T - | tar x -C "$project"
cp /etc/resolv.conf "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mount --bind /proc "$root/proc"
env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
  PIP_CERT=/etc/ssl/certs/ca-certificates.crt chroot "$root" make -s -C /root/localfaas .venv/dev
umount "$root/proc"

cat >"$root/root/run.sh" <<RUN
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /root/localfaas
.venv/bin/pytest -p no:cacheprovider -o timeout=300$(printf ' %q' "$@")
echo "pytest ended with \$?"
poweroff -f
RUN
cat >"$root/etc/systemd/system/run.service" <<'UNIT'
[Service]
ExecStart=/bin/bash /root/run.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../run.service "$root/etc/systemd/system/multi-user.target.wants/run.service"

truncate -s 8G "$work/disk"
mkfs.ext4 -q -d "$root" "$work/disk"
qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nic none -no-reboot -nographic \
  -kernel "$root"/boot/vmlinuz-* -initrd "$root"/boot/initrd.img-* \
  -drive file="$work/disk",format=raw,if=virtio \
  -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0" </dev/null | tee "$work/log"
grep -q "pytest ended with 0" "$work/log"
