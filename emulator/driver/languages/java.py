"""Java: AWS's java runtimes, by AWS's own client on the JDKs of this machine, or in images."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from emulator.code import build_cache
from emulator.driver.conventions import MEMORY_SIZE
from emulator.driver.languages.base import (
    EMPTY,
    Interpreter,
    Language,
    Packages,
    StemKind,
    folders_on_path,
    newest_first,
)
from emulator.model.console import Console
from emulator.model.debugging import DEBUG, is_free

#: Runtimes with version 1 of the Java SDK, which reads the names of credentials it had first.
_FIRST_SDK = ("java8.al2", "java11")
#: The oldest JDK that knows all options.
_OLDEST = 11
#: Since this release, AWS's runtimes compile quickly rather than well.
#: https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html
_QUICK_SINCE = 17
#: The share of a function's memory that is its heap, as on AWS.
_HEAP = 0.85
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_OWN_OPTIONS = "JAVA_TOOL_OPTIONS"
#: Options that mean the same before the function is there: sizes, switches, modules of Java's own,
#: properties that Java does not read. Others may name a file of its code, open a port, or print.
_KNOWN_AHEAD = re.compile(
    r"-X(?:m[nsx]|ss)\d+[kKmMgG]?|-X(?:int|comp|mixed|batch)|-XX:[+-]\w+"
    r"|-XX:\w+=\d+(?:\.\d+)?[kKmMgGtT]?|-[ed]s?a|--enable-preview"
    r"|--add-(?:opens|exports|reads)=[\w.,/=-]+|--enable-native-access=[\w.,-]+"
    r"|-D(?!(?:java|jdk|sun|com\.sun)\.(?!net\.prefer))[\w.-]+(?:=[^/@]*)?"
)
_SNAP_START = ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
#: A function's folder, where it has namespaces.
_TASK = "/var/task"
#: AWS's locale, and what stands for it where this machine lacks it: without either, names of files
#: and values of variables are no UTF-8.
_LOCALE, _OTHER_LOCALE = {"LANG": "en_US.UTF-8"}, {"LC_ALL": "C.UTF-8"}
_LOCALES = _LOCALE | _OTHER_LOCALE
_OF_LOCALES = re.compile(r"LANG(UAGE)?$|LC_")
#: What ``newlocale`` takes for all categories, on Linux.
_ALL_CATEGORIES = 0x1FBF
#: Where the library of SnapStart's hooks finds those that run them.
_HOOKS = "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac"


class Java(Language):
    """See :class:`emulator.driver.languages.base.Language`."""

    name = "java"
    title = "Java"
    frames_logs = True
    debugs = True
    debugs_by_option = True
    identifier = re.compile(r"java(\d+)(?:\.al2)?$")
    served = "java8.al2 and later"
    newer_runs_older = True
    start_up_variables = "_JAVA_OPTIONS$|JDK_JAVA_OPTIONS$"
    stem_says_ready = True
    # The start of a JVM takes all processors from the call that took the last one.
    stem_pause_s = 1.0
    # Each takes 50 MB, and there is a kind for each memory size.
    stems_of_a_kind = 1

    def variables(self, runtime: str, version: str, common: Mapping[str, str]) -> dict[str, str]:
        found = super().variables(runtime, version, common)
        if runtime in _FIRST_SDK:
            found["AWS_ACCESS_KEY"] = common["AWS_ACCESS_KEY_ID"]
            found["AWS_SECRET_KEY"] = common["AWS_SECRET_ACCESS_KEY"]
        return found

    def runtime_of(self, release: int) -> str:
        return f"java{release}"

    def title_of(self, release: int) -> str:
        return f"Java {release}"

    def candidates(self) -> Iterator[Path]:
        if home := os.environ.get("JAVA_HOME"):
            yield Path(home) / "bin/java"
        for folder in folders_on_path():
            yield folder / "java"
        for root, pattern in (
            (Path("/usr/lib/jvm"), "*/bin/java"),
            (Path.home() / ".sdkman/candidates/java", "*/bin/java"),
            (Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home/bin/java"),
        ):
            yield from newest_first(root, pattern)

    def release_of(self, executable: Path) -> int | None:
        try:
            found = _VERSION.search((executable.parent.parent / "release").read_text())
        except OSError:
            return None
        release = int(found[1]) if found else 0
        return release if release >= _OLDEST else None

    def command(
        self, folder: str, *, official: bool, search_path: str, handler: str
    ) -> tuple[list[str], bool]:
        from emulator.driver.languages import java_client

        at = str(java_client.folder()) if search_path else java_client.place()
        return ["-cp", java_client.classpath(at), java_client.MAIN, handler], False

    def options(self, interpreter: Interpreter, environ: Mapping[str, str]) -> list[str]:
        """Return the JVM's options: AWS's, except those that JAVA_TOOL_OPTIONS states."""
        from emulator.driver.languages import java_client

        own = environ.get(_OWN_OPTIONS, "").split()
        found = [*_heap(own, environ), *_collector(own), *_compiler(own, interpreter.release)]
        found += _country(own, environ)
        # It writes what it logs to a file descriptor, by its number.
        found += ["--add-opens=java.base/java.io=ALL-UNNAMED", "-Djava.net.preferIPv4Stack=true"]
        if interpreter.release >= 24:  # the client's own use of both would be warned of
            found += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
        if environ.get("LAMBDA_TASK_ROOT", _TASK) != _TASK:
            # Without namespaces /tmp is the machine's.
            found.append(f"-Djava.io.tmpdir={environ['TMPDIR']}")
        name, value = _SNAP_START
        if environ.get(name) == value:
            found.append(_HOOKS)
        archive = java_client.archive(interpreter)
        if build_cache.has(archive) and archive.stat().st_size:
            found += [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:cds=off"]
            found += ["-Xlog:cds+dynamic=off"]
        return [*found, *_debugger(environ.get(DEBUG, ""))]

    def at_start(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        return {} if _states_locale(environ, _LOCALE) or not _lacks_locale() else _OTHER_LOCALE

    def stem(self, interpreter: Interpreter, environ: Mapping[str, str]) -> StemKind:
        """Return the kind of JVM: heap, collector and other options are fixed when one starts."""
        from emulator.driver.languages import java_stem_cell

        own = environ.get(_OWN_OPTIONS, "").split()
        other_place = environ.get("LAMBDA_TASK_ROOT", _TASK) != _TASK
        if other_place or _states_locale(environ, _LOCALES):
            return EMPTY
        if not all(map(_KNOWN_AHEAD.fullmatch, own)):
            return EMPTY
        if DEBUG in environ or not java_stem_cell.is_there():
            return EMPTY
        options = (*self.options(interpreter, environ), *java_stem_cell.options())
        names = (_OWN_OPTIONS, *_OTHER_LOCALE)
        started_with = tuple((name, environ[name]) for name in names if environ.get(name))
        return StemKind(options=options, variables=started_with)

    def stem_command(self, folder: str) -> list[str]:
        from emulator.driver.languages import java_client, java_stem_cell

        return java_stem_cell.command(java_client.classpath(java_client.place()))

    def packages(self, *, official: bool, console: Console, state: Path) -> Packages:
        async def find(interpreter: Interpreter, covered: str) -> list[tuple[Path, str]]:
            from emulator.driver.languages import java_client, java_stem_cell

            await java_client.install(interpreter, console)
            await java_stem_cell.install(interpreter, console)
            shown = [(java_client.folder(), java_client.place())]
            if java_stem_cell.is_there():
                shown.append((java_stem_cell.folder(), str(java_stem_cell.folder())))
            # Debian keeps a JDK's settings apart from it.
            settings = Path(f"/etc/java-{interpreter.release}-openjdk")
            return [*shown, (settings, str(settings))]

        return find


def _states_locale(environ: Mapping[str, str], usual: Mapping[str, str]) -> bool:
    """Say whether a function states another locale than the usual ones."""
    return any(
        _OF_LOCALES.match(name) and value != usual.get(name) for name, value in environ.items()
    )


@cache
def _lacks_locale() -> bool:
    import ctypes

    make = getattr(ctypes.CDLL(None), "newlocale", None)
    if make is None:
        return False
    make.restype = ctypes.c_void_p
    return not make(_ALL_CATEGORIES, _LOCALE["LANG"].encode(), None)


def _country(own: list[str], environ: Mapping[str, str]) -> list[str]:
    stated = any(each.startswith("-Duser.") for each in own)
    is_other = _OTHER_LOCALE.items() <= environ.items()
    return ["-Duser.country=US"] if is_other and not stated else []


def _heap(own: list[str], environ: Mapping[str, str]) -> list[str]:
    memory_mb = environ.get(MEMORY_SIZE, "")
    stated = ("-Xmx", "-XX:MaxHeapSize", "-XX:MaxRAM", "-XX:SoftMaxHeapSize")
    if not memory_mb or any(each.startswith(stated) for each in own):
        return []
    return [f"-XX:MaxHeapSize={int(int(memory_mb) * 1024 * _HEAP)}k"]


def _collector(own: list[str]) -> list[str]:
    stated = any(re.fullmatch(r"-XX:\+Use\w+GC", each) for each in own)
    return [] if stated else ["-XX:+UseSerialGC"]


def _compiler(own: list[str], release: int) -> list[str]:
    stated = any("Tiered" in each for each in own)
    return [] if stated or release < _QUICK_SINCE else ["-XX:TieredStopAtLevel=1"]


def _debugger(order: str) -> list[str]:
    """Return the option that opens a debugger's port; none while another environment has it."""
    port, _, wait = order.partition(",")
    if not port or not is_free(int(port)):
        return []
    suspend = "y" if wait else "n"
    return [
        f"-agentlib:jdwp=transport=dt_socket,server=y,suspend={suspend},address=127.0.0.1:{port}"
    ]


LANGUAGE = Java()
