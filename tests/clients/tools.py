"""The deploy clients that are tested: pinned, each in a folder of a cache.

``python -m tests.clients.tools`` installs those that are missing (``make clients``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.needs import unavailable

#: What pip installs, by client.
PYTHON: Mapping[str, tuple[str, ...]] = {
    "cdk-python": ("aws-cdk-lib==2.275.0",),
    "chalice": ("chalice==1.34.0", "setuptools==80.9.0", "boto3"),
    "sam": ("aws-sam-cli==1.170.0",),
}
#: What npm installs, by client.
NODE: Mapping[str, tuple[str, ...]] = {
    "cdk": ("aws-cdk@2.1148.1", "aws-cdk-lib@2.276.0", "constructs@10.8.1"),
    "javascript-sdk": ("@aws-sdk/client-kinesis@3.1143.0", "@aws-sdk/client-s3@3.1143.0"),
    "serverless": ("serverless@3.40.0", "serverless-localstack@1.4.0"),
    # tests/benchmarks/bench_gateways.py measures it.
    "serverless-offline": ("serverless@3.40.0", "serverless-offline@13.9.0"),
}
#: A whole client has this file.
_DONE = ".done"


def folder(client: str) -> Path:
    """Return where a client is installed; another version is another folder."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    pins = PYTHON.get(client) or NODE[client]
    return Path(base) / "localfaas-tests" / "clients" / "_".join(pins).replace("/", "-")


def programs(client: str) -> Path:
    """Return the folder of a client's programs; skips the test (fails in CI) without it."""
    where = folder(client)
    if not (where / _DONE).exists():
        unavailable(f"needs {client}: `make clients` installs it")
    return where / ("bin" if client in PYTHON else "node_modules/.bin")


def _install_python(where: Path, packages: tuple[str, ...]) -> None:
    python = where / "bin" / "python"
    uv = shutil.which("uv")
    if uv is not None:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(where))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), *packages)
    else:
        _run(sys.executable, "-m", "venv", str(where))
        _run(str(python), "-m", "pip", "install", "--quiet", *packages)


def _install_node(where: Path, packages: tuple[str, ...]) -> None:
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    _run("npm", "install", *quiet, "--prefix", str(where), *packages)


def _run(*words: str) -> None:
    # The versions that a project's own environment keeps to are not those of its clients.
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_CONSTRAINT")}
    subprocess.run(words, check=True, timeout=600, stdin=subprocess.DEVNULL, env=kept)


def install() -> None:
    """Install the clients that are missing; two at a time."""
    work: list[tuple[Callable[[Path, tuple[str, ...]], None], str, tuple[str, ...]]] = [
        *((_install_node, client, packages) for client, packages in NODE.items()),
        *((_install_python, client, packages) for client, packages in PYTHON.items()),
    ]

    def do(entry: tuple[Callable[[Path, tuple[str, ...]], None], str, tuple[str, ...]]) -> None:
        make, client, packages = entry
        where = folder(client)
        if (where / _DONE).exists():
            return
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        make(where, packages)
        (where / _DONE).touch()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(do, work))


if __name__ == "__main__":
    install()
