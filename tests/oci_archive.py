"""Write an image archive (OCI) of one layer: ``oci_archive.py LAYER NAME COMMAND ARCHIVE``.

LAYER is a tar of the image's files, or one program, which becomes its only file. Needs Python
alone, because clusters for tests are made before there is a virtual environment.
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

_TYPE = "application/vnd.oci.image."
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write(layer: Path, name: str, command: str, archive: Path) -> None:
    """Write ``archive``, whose image has a ``name`` with a registry's, and runs ``command``."""
    with tempfile.TemporaryFile(dir=archive.parent) as own:
        if tarfile.is_tarfile(layer):
            _write(layer.open("rb"), name, command, archive)
            return
        with tarfile.open(fileobj=own, mode="w") as tar:
            tar.add(layer, arcname=command.lstrip("/"))
        _write(own, name, command, archive)


def _write(layer: IO[bytes], name: str, command: str, archive: Path) -> None:
    layer.seek(0)
    hashed = hashlib.sha256()
    while part := layer.read(1 << 20):
        hashed.update(part)
    digest, size = hashed.hexdigest(), layer.seek(0, os.SEEK_END)
    layer.seek(0)
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Cmd": [command]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [
                {
                    "mediaType": f"{_TYPE}layer.v1.tar",
                    "digest": f"sha256:{digest}",
                    "size": size,
                }
            ],
        }
    )
    entry = _descriptor("manifest.v1+json", manifest)
    index = _json(
        {
            "schemaVersion": 2,
            "manifests": [{**entry, "annotations": {"io.containerd.image.name": name}}],
        }
    )
    with tarfile.open(archive, "w") as out:
        _add(out, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(out, "index.json", index)
        for blob in (config, manifest):
            _add(out, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        info = tarfile.TarInfo(f"blobs/sha256/{digest}")
        info.size = size
        out.addfile(info, layer)


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    return {"mediaType": _TYPE + kind, "digest": digest, "size": len(blob)}


def _add(out: tarfile.TarFile, path: str, blob: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size = len(blob)
    out.addfile(info, io.BytesIO(blob))


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
