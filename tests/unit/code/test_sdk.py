"""SDKs that would call the real AWS are named once; strict settings refuse them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from emulator.code.sdk import SdkCheck
from emulator.model.errors import DriverFault
from emulator.model.function import Code, FunctionVersion, LayerVersion
from emulator.model.sandbox import Prepared
from emulator.testing import RecordingConsole


async def nothing_to_prepare(version: FunctionVersion) -> Prepared:
    return Prepared()


def package(version: str) -> str:
    return json.dumps({"version": version})


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def function(code: Path, runtime: str, *layers: Path) -> FunctionVersion:
    return FunctionVersion(
        account="0" * 12,
        region="us-east-1",
        name="orders",
        runtime=runtime,
        code=Code(sha256="", size=0, folder=code),
        layers=tuple(
            LayerVersion(arn=f"l{n}", code=Code(sha256="", size=0, folder=folder))
            for n, folder in enumerate(layers)
        ),
    )


SMITHY = "node_modules/@smithy/middleware-endpoint/package.json"
CLIENT = "node_modules/@aws-sdk/client-s3/package.json"
EARLIER = "node_modules/@aws-sdk/middleware-endpoint/package.json"


@pytest.mark.parametrize(
    ("runtime", "files", "named"),
    [
        ("python3.12", {"botocore-1.30.9.dist-info/METADATA": ""}, "botocore 1.30.9"),
        ("python3.12", {"botocore-1.31.0.dist-info/METADATA": ""}, None),
        ("python3.12", {"botocore/__init__.py": "__version__ = '1.20.3'\n"}, "botocore 1.20.3"),
        ("python3.12", {"app.py": "import boto3\n"}, None),
        ("nodejs22.x", {"node_modules/aws-sdk/package.json": package("2.1692.0")}, "aws-sdk 2.16"),
        ("nodejs22.x", {CLIENT: package("3.300.0"), EARLIER: package("3.300.0")}, "client-s3 3.3"),
        ("nodejs22.x", {CLIENT: package("3.400.0"), SMITHY: package("2.0.11")}, "client-s3 3.400"),
        ("nodejs22.x", {CLIENT: package("3.800.0"), SMITHY: package("4.1.0")}, None),
        ("nodejs22.x", {CLIENT: "no json", SMITHY: package("2.1.0")}, None),
        ("provided.al2023", {"botocore-1.0.0.dist-info/METADATA": ""}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["code", "layer"])
async def test_what_is_too_old_is_named_once(
    tmp_path: Path, runtime: str, files: dict[str, str], named: str | None, where: str
) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    layer.mkdir()
    inside = layer / ("python" if runtime.startswith("python") else "nodejs")
    write(code if where == "code" else inside, files)
    version = function(code, runtime, layer)
    console = RecordingConsole()
    check = SdkCheck(nothing_to_prepare, console=console, strict=False)
    for _ in range(2):
        assert await check.prepare(version) == Prepared()
    assert len(console.warnings) == (named is not None)
    strict = SdkCheck(nothing_to_prepare, console=RecordingConsole(), strict=True)
    if named is None:
        await strict.prepare(version)
        return
    assert named in console.warnings[0]
    assert "AWS_ENDPOINT_URL" in console.warnings[0]
    for _ in range(2):
        with pytest.raises(DriverFault, match="real AWS"):
            await strict.prepare(version)


async def test_packages_of_a_requirements_file_are_looked_at(tmp_path: Path) -> None:
    packages = write(tmp_path / "p", {"python/botocore-1.29.0.dist-info/METADATA": ""})

    async def prepare(version: FunctionVersion) -> Prepared:
        return Prepared(packages)

    (tmp_path / "code").mkdir()
    console = RecordingConsole()
    check = SdkCheck(prepare, console=console, strict=False)
    assert (await check.prepare(function(tmp_path / "code", "python3.12"))).layer == packages
    assert "botocore 1.29.0" in console.warnings[0]
