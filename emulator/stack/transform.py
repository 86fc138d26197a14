"""The transform AWS::Serverless: SAM's resources become CloudFormation's.

AWS's own translator does it (the package aws-sam-translator), in a process of its own: it takes a
second and 50 MB to import. Its result is kept by the content of what it was given.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from emulator.model.errors import LocalfaasError
from emulator.stack.errors import TemplateError

NAME = "AWS::Serverless-2016-10-31"
#: Seconds a translation may take: a slow machine needs ten for its first one.
_PATIENCE_S = 120
#: Translations that are kept, newest first.
_KEPT = 200
_WORKER = "emulator.stack.sam_worker"


class TransformFailed(LocalfaasError):
    """The translator could not be run; the text says why, and the remedy."""


class SamTransform:
    """Translates templates, each content once.

    Args:
        cache: The folder for results; it is made when it is needed.
        announce: Called before a translation that takes seconds.
    """

    def __init__(self, cache: Path, announce: Callable[[], None] = lambda: None) -> None:
        self._cache, self._announce = cache, announce

    async def translate(
        self, template: Mapping[str, Any], parameters: Mapping[str, Any], region: str
    ) -> dict[str, Any]:
        """Return the template in CloudFormation's own terms.

        Args:
            template: It names the transform; local code has been packaged.
            parameters: Values of its parameters.
            region: The stack's.

        Raises:
            TemplateError: SAM refuses the template, in its words.
            TransformFailed: The translator is not installed, or did not end.
        """
        # A new stack has a new id, of which no translation depends: references to it stay.
        known = {name: value for name, value in parameters.items() if name != "AWS::StackId"}
        request = orjson.dumps(
            {"template": template, "parameters": known, "region": region},
            option=orjson.OPT_NON_STR_KEYS,
        )
        digest = hashlib.sha256(_translator_version().encode() + b"\0" + request).hexdigest()
        kept = self._cache / f"{digest[:40]}.json"
        try:
            answer: dict[str, Any] = orjson.loads(await asyncio.to_thread(kept.read_bytes))
        except (OSError, orjson.JSONDecodeError):
            self._announce()
            answer = await _run(request)
            if "template" in answer:
                await asyncio.to_thread(self._keep, kept, orjson.dumps(answer))
        if "error" in answer:
            raise TemplateError(answer["error"])
        translated: dict[str, Any] = answer["template"]
        return translated

    def _keep(self, path: Path, content: bytes) -> None:
        """Write a result; where the disk does not take it, the next start translates again."""
        with contextlib.suppress(OSError):
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._cache, delete=False) as file:
                file.write(content)
            os.replace(file.name, path)
            results = sorted(self._cache.glob("*.json"), key=lambda p: p.stat().st_mtime)
            for old in results[:-_KEPT]:
                old.unlink(missing_ok=True)


@cache
def _translator_version() -> str:
    """Return what names the translator's version.

    ``importlib.metadata`` finds it, too, and takes half a megabyte for it.
    """
    package = find_spec("samtranslator")
    if package is None or package.origin is None:
        raise TransformFailed(
            "a SAM template needs the package aws-sam-translator (pip install aws-sam-translator)"
        )
    descriptions = Path(package.origin).parent.parent.glob("aws_sam_translator-*")
    return "\0".join(sorted(each.name for each in descriptions))


def _environment() -> dict[str, str]:
    """Return the translator's environment: it asks boto3 for a region, and no profile may fail."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**kept, **nothing, "AWS_DEFAULT_REGION": "us-east-1"}


async def _run(request: bytes) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", _WORKER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, complaints = await process.communicate(request)
    except TimeoutError:
        raise TransformFailed(f"the SAM translator did not end within {_PATIENCE_S} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer: dict[str, Any] = orjson.loads(out)
    except orjson.JSONDecodeError:
        last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise TransformFailed(f"the SAM translator failed: {''.join(last)}") from None
    return answer
