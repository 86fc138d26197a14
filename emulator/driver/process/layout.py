"""The root of a sandbox: which parts of the host a function may see, and where."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from emulator.driver.conventions import (
    LD_LIBRARY_PATH,
    SANDBOX_HOSTS,
    USER_NAME,
    runtimes_folder,
)
from emulator.driver.languages.base import Language

#: Each sandbox has a user id of its own, far above what distributions give to users, services and
#: subordinate ids.
FIRST_UID = 1_051_000_000
#: Sandboxes an instance can have at once, and so user ids it takes.
UIDS_PER_INSTANCE = 1024
#: Instances that user ids are there for: each takes the ids of a number chosen at random.
INSTANCES = 4096
#: The one user id inside a user namespace, as on Lambda.
INNER_UID = 993
#: The folder, in the driver's own, with the packages of each runtime where there are no namespaces.
PACKAGES = "packages"
#: The folder there that stands for /var/runtime.
RUNTIME = "runtime"

_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "ssl", "pki", "ca-certificates", "crypto-policies", "alternatives", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "resolv.conf", "host.conf", "gai.conf",
    "nsswitch.conf", "protocols", "services", "mime.types", "localtime", "os-release",
)  # fmt: skip
#: AWS's environments start the runtime by this script. Here it only stands in its place.
_ENTRYPOINT = "/lambda-entrypoint.sh"
_ENTRYPOINT_TEXT = "#!/bin/sh\necho 'localfaas starts runtimes itself' >&2\nexit 1\n"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_FOLDERS = (
    "/dev", "/etc", "/home", "/opt/lib", "/proc", "/root", "/run", "/sys", "/tmp",
    "/var/lang", "/var/runtime/lib", "/var/task/lib", "/var/tmp",
)  # fmt: skip
_VISIBLE_PREFIXES = ("/usr", "/bin", "/nix")


def first_uid(instance: int) -> int:
    """Return the first user id of an instance's sandboxes."""
    return FIRST_UID + instance * UIDS_PER_INSTANCE


def is_sandbox_uid(uid: int) -> bool:
    """Say whether a user id is for a sandbox, of whichever instance."""
    return FIRST_UID <= uid < first_uid(INSTANCES)


@cache
def is_visible(prefix: Path) -> bool:
    """Say whether a sandbox sees ``prefix`` at its own place."""
    return any(prefix == Path(top) or Path(top) in prefix.parents for top in _VISIBLE_PREFIXES)


def place_of(language: Language, prefix: Path) -> str:
    """Return where a sandbox is shown the installation at ``prefix``; empty for its own place."""
    return language.home or ("" if is_visible(prefix) else "/var/lang")


def runtime_folder_entries(language: Language) -> list[tuple[Path, str]]:
    """Return (source, name) of what is in /var/runtime."""
    return language.shown(runtimes_folder() / language.name)


def _system() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what every sandbox shows of this machine: binds and links, each from and to."""
    binds: list[tuple[str, str]] = [("/usr", "/usr")]
    links: list[tuple[str, str]] = [("/proc/self/fd", "/dev/fd")]
    links += [(f"/proc/self/fd/{n}", f"/dev/{name}") for n, name in enumerate(_STREAMS)]
    for name in _TOP:
        path = Path("/", name)
        if path.is_symlink():
            links.append((os.readlink(path), str(path)))
        elif path.is_dir():
            binds.append((str(path), str(path)))
    if Path("/nix").is_dir():
        binds.append(("/nix", "/nix"))
    binds += [(os.path.realpath(f"/etc/{name}"), f"/etc/{name}") for name in _ETC]
    binds += [(f"/dev/{name}", f"/dev/{name}") for name in _DEVICES]
    return binds, links


def _hosts() -> str:
    """Return this machine's table of hosts, with the names by which extensions know their own."""
    try:
        own = Path("/etc/hosts").read_text(errors="replace")
    except OSError:
        own = "127.0.0.1 localhost\n"
    return f"{own.rstrip()}\n127.0.0.1 {' '.join(SANDBOX_HOSTS)}\n"


def jail_plan(
    *,
    user: bool,
    first_uid: int,
    language: Language | None,
    prefix: Path | None,
    packages: Sequence[tuple[Path, str]] = (),
    argv: list[str],
    environ: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return what ``runtimes/python/jail.py`` is to build and to run.

    Args:
        user: In a user namespace, where there is only one user id.
        first_uid: The first of the instance's own user ids.
        language: Whose runtimes run in it; None only tries whether it can be built.
        prefix: The interpreter's installation; None for none.
        packages: What the runtime brings: where each package lies, and where it is shown.
        argv: The zygote's command, as seen inside.
        environ: The environment it starts in; None for the usual one.
    """
    binds, links = _system()
    if language is not None:
        if prefix is not None and (place := place_of(language, prefix)):
            binds.append((str(prefix), place))
        for source, name in runtime_folder_entries(language):
            binds.append((str(source), f"/var/runtime/{name}"))
        # What else the machine's interpreter has installed is none of a function's.
        if covered := covered_packages(language, prefix):
            binds.append(("", covered))
    binds += [(str(source), target) for source, target in packages]
    uids = [INNER_UID] if user else range(first_uid, first_uid + UIDS_PER_INSTANCE)
    return {
        "user": user,
        "binds": [pair for pair in binds if not pair[0] or os.path.exists(pair[0])],
        "links": links,
        "files": {
            "/etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
            + "".join(
                f"{USER_NAME}:x:{uid}:{uid}::/home/{USER_NAME}:/sbin/nologin\n" for uid in uids
            ),
            _ENTRYPOINT: _ENTRYPOINT_TEXT,
            "/etc/hosts": _hosts(),
            "/etc/group": "root:x:0:\n" + "".join(f"{USER_NAME}:x:{uid}:\n" for uid in uids),
        },
        "folders": list(_FOLDERS),
        "environ": zygote_environ() if environ is None else environ,
        "argv": argv,
    }


_STREAMS = ("stdin", "stdout", "stderr")


def covered_packages(language: Language, prefix: Path | None) -> str:
    """Return where the sandbox sees the packages of the installation at ``prefix``, if it does."""
    if prefix is None or is_visible(prefix):
        return ""
    own = language.own_packages(prefix)
    return f"/var/lang/{own.relative_to(prefix)}" if own else ""


def zygote_environ() -> dict[str, str]:
    """Return the environment zygotes start in: what can't be changed once a process runs."""
    return {
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "LD_LIBRARY_PATH": LD_LIBRARY_PATH,
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "TZ": ":UTC",
    }
