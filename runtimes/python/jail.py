"""Build a sandbox root, enter it, and become the zygote inside it.

    python -I -S jail.py <json>

Makes new mount and PID namespaces (and a user namespace when asked), a read-only root on a
tmpfs made of bind mounts, and runs the zygote in it as the first process of the PID
namespace, *as a child of this program's parent*, whose death kills it and so, by the kernel,
everything in the namespace. This program then prints the zygote's process id and ends.

The host's own tree stays reachable below ``/.host`` (mode 0700), from where the wardens take
the code to mount; every warden detaches it before any code of a function runs.

The JSON: ``user`` (make a user namespace), ``binds`` ([source, target] pairs, read-only, in
order; an empty source covers what stands at the target with an empty folder), ``links`` ([text,
path] pairs), ``files`` (path to text), ``folders``, ``environ``, ``argv`` (empty: only try whether
this machine allows a jail; the exit status tells).
"""

from __future__ import annotations

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ_ONLY = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV


_COVER = "mode=755,size=1m"


def _build(root: str, plan: dict[str, Any]) -> None:
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("sandbox", root, "tmpfs", kernel.MS_NOSUID, "mode=755,size=16m")
    os.mkdir(root + "/.host", 0o700)
    os.mkdir(root + "/.host/root", 0o700)
    for folder in plan["folders"]:
        os.makedirs(root + folder, exist_ok=True)
    for path, text in plan["files"].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        with open(root + path, "w") as file:
            file.write(text)
        os.chmod(root + path, 0o755 if text.startswith("#!") else 0o644)
    for text, path in plan["links"]:
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        os.symlink(text, root + path)
    covers = []
    for source, target in plan["binds"]:
        inside = root + target
        if not source:
            os.makedirs(inside, exist_ok=True)
            kernel.mount("cover", inside, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, _COVER)
            covers.append(inside)
            continue
        if os.path.isdir(source):
            os.makedirs(inside, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            open(inside, "w").close()
        device = target.startswith("/dev/")
        flags = kernel.MS_NOSUID if device else _READ_ONLY
        kernel.bind(source, inside, flags, whole=plan["user"])
    for inside in covers:
        kernel.mount(None, inside, None, kernel.MS_BIND | kernel.MS_REMOUNT | _READ_ONLY)


def _become(root: str, plan: dict[str, Any]) -> None:
    kernel.die_with_parent()
    kernel.mount("proc", root + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.pivot_root(root, root + "/.host/root")
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # The root itself can't be written to either; what is mounted on it keeps its own flags.
    kernel.mount(None, "/", None, kernel.MS_BIND | kernel.MS_REMOUNT | _READ_ONLY)
    os.execve(plan["argv"][0], plan["argv"], plan["environ"])


def _try(root: str) -> None:
    """Do once, for nothing, what the jail and its wardens will do; raises where it fails."""
    kernel.mount("proc", root + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.pivot_root(root, root + "/.host/root")
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
    kernel.bind("/.host/root/usr", "/tmp", _READ_ONLY, whole=True)
    kernel.unmount("/.host/root")


def main() -> None:
    plan = json.loads(sys.stdin.read())
    user, group = os.geteuid(), os.getegid()
    os.umask(0o022)
    kernel.unshare(kernel.CLONE_NEWNS | (kernel.CLONE_NEWUSER if plan["user"] else 0))
    if plan["user"]:
        kernel.map_user(0, user, 0, group)
    # A folder that every Linux has and nothing to be mounted lies in.
    root = "/sys"
    _build(root, plan)
    if not plan["argv"]:
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            _try(root)
            os._exit(0)
        sys.exit(os.waitpid(pid, 0)[1] != 0)
    pid = kernel.clone(kernel.CLONE_NEWPID | kernel.CLONE_PARENT)
    if pid == 0:
        try:
            _become(root, plan)
        except BaseException as error:  # noqa: BLE001 (a copy of a stack must not unwind)
            os.write(2, f"{error}\n".encode())
            os._exit(1)
    print(pid, flush=True)


if __name__ == "__main__":
    main()
