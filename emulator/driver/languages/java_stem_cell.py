"""JVMs that are started ahead of use: what ``runtimes/java/StemCell.java`` needs, made once.

It is compiled with a JDK's own compiler. jffi's native library, from Maven Central, changes what
Java can't: a process's environment and folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import platform
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.code import build_cache, programs
from emulator.driver.conventions import runtimes_folder
from emulator.driver.languages import java_client
from emulator.driver.languages.base import Interpreter
from emulator.model.console import Console
from emulator.model.errors import DriverFault

JFFI = java_client.Jar(
    "com.github.jnr",
    "jffi",
    "1.3.13",
    "a38dd049951a27f7a423389fecf0195a5bd414f418e90f5ac9992652c22a5b8e",
    "native",
)
#: The names of this machine's architecture in the jars of jffi and of AWS's client.
_MACHINES = {"x86_64": ("x86_64", "x86_64"), "aarch64": ("aarch64", "aarch_64")}
#: The oldest JDK that is to run what is compiled.
_RELEASE = "11"
_COMPILE_S = 60
_CELL, _FOREIGN = "stem-cell.jar", "foreign.jar"
_JFFI_LIBRARY, _CLIENT_LIBRARY = "libjffi.so", "libaws-lambda-jni.so"
#: The property by which AWS's client finds its native library; else it unpacks it at each start.
_LIBRARY_PROPERTY = "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI"


#: By the jar that each goes into.
_SOURCES = {_CELL: "StemCell.java", _FOREIGN: "Foreign.java"}


def folder() -> Path:
    """Return where it is kept on this machine; sandboxes see it there, too."""
    return build_cache.folder().resolve() / f"java-stem-cell-{_key()}"


@cache
def _key() -> str:
    parts = [(runtimes_folder() / "java" / name).read_bytes() for name in _SOURCES.values()]
    parts += [JFFI.sha256.encode(), java_client.CLIENT.sha256.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def is_there() -> bool:
    """Say whether JVMs can be started ahead of use."""
    return build_cache.has(folder()) and java_client.place() == str(java_client.folder())


def options() -> tuple[str, ...]:
    """Return the JVM's options for it."""
    return (f"-D{_LIBRARY_PROPERTY}={folder() / _CLIENT_LIBRARY}",)


def command(classpath: str) -> list[str]:
    """Return the arguments that start it, where AWS's client has a class path."""
    return ["-cp", f"{classpath}:{folder() / _CELL}", "StemCell", str(folder())]


async def install(interpreter: Interpreter, console: Console) -> None:
    """Make it, if it is not here and can be made; Java functions run without it, too."""
    compiler = interpreter.executable.with_name("javac")
    names = _MACHINES.get(platform.machine())
    made_for_it = names is not None and platform.libc_ver()[0] == "glibc"
    if build_cache.has(folder()) or not made_for_it or not os.access(compiler, os.X_OK):
        return
    assert names is not None
    console.info("preparing what JVMs are started with ahead of use, once")
    try:
        async with build_cache.scratch(folder().parent) as scratch:
            await _make(compiler, names, scratch)
            await build_cache.keep(scratch, folder())
    except (DriverFault, OSError) as fault:
        console.warn(f"JVMs are not started ahead of use: {fault}")


async def _make(compiler: Path, names: tuple[str, str], into: Path) -> None:
    jffi = await java_client.content(JFFI)
    await asyncio.to_thread(_unpack, jffi, names, into)
    for jar, source in _SOURCES.items():
        with TemporaryDirectory() as classes:
            await _compile(compiler, runtimes_folder() / "java" / source, classes)
            await asyncio.to_thread(_pack, Path(classes), into / jar)


def _unpack(jffi: bytes, names: tuple[str, str], into: Path) -> None:
    natives = zipfile.ZipFile(io.BytesIO(jffi))
    _write(into / _JFFI_LIBRARY, natives.read(f"jni/{names[0]}-Linux/libjffi-1.2.so"))
    client = zipfile.ZipFile(java_client.folder() / java_client.CLIENT.file)
    _write(into / _CLIENT_LIBRARY, client.read(f"jni/libaws-lambda-jni.linux-{names[1]}.so"))


def _pack(classes: Path, jar: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(classes.rglob("*.class")):
            archive.write(path, path.relative_to(classes))
    _write(jar, buffer.getvalue())


async def _compile(compiler: Path, source: Path, into: str) -> None:
    classpath = java_client.classpath(str(java_client.folder()))
    words = [str(compiler), "--release", _RELEASE, "-cp", classpath, "-d", into, str(source)]
    failure = await programs.run(words, Path(into), os.environ, patience_s=_COMPILE_S)
    if failure is not None:
        raise DriverFault(f"{source.name}: {failure.how} {failure.told}")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.chmod(path, 0o644)
