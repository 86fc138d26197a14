"""Where a distributed Map puts its results: files in a bucket, and a manifest of them.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.stepfunctions.engine.engine import Engine
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.engine.execution import SUCCEEDED, Execution
from emulator.workflows.effects import Call
from emulator.workflows.errors import RESULT_WRITER_FAILED, StatesError


def transformed(records: Sequence[Mapping[str, Any]], transformation: str) -> list[Any]:
    """Return results as a writer's configuration wants them.

    Args:
        records: The children's records, with their outputs as JSON text.
        transformation: ``NONE``, ``COMPACT`` (outputs alone) or ``FLATTEN`` (the items of lists).
    """
    if transformation == "NONE":
        return [dict(each) for each in records]
    outputs = [json.loads(each["Output"]) for each in records if "Output" in each]
    if transformation == "COMPACT":
        return outputs
    found: list[Any] = []
    for output in outputs:
        found += output if isinstance(output, list) else [output]
    return found


async def write(
    engine: Engine, execution: Execution, call: Call, run_arn: str, records: list[dict[str, Any]]
) -> dict[str, Any]:
    """Write the results of a map run; return what the Map's result is then.

    Raises:
        StatesError: States.ResultWriterFailed.
    """
    arguments = call.arguments if isinstance(call.arguments, Mapping) else {}
    bucket = str(arguments.get("Bucket") or "")
    prefix = str(arguments.get("Prefix") or "").strip("/")
    folder = "/".join(each for each in (prefix, run_arn.rpartition(":")[2]) if each)
    kind = str(call.config.get("OutputType") or "JSON")
    wanted = str(call.config.get("Transformation") or "NONE")
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    writes = {
        "SUCCEEDED": [each for each in records if each["Status"] == SUCCEEDED],
        "FAILED": [each for each in records if each["Status"] != SUCCEEDED],
    }
    try:
        for name, own in writes.items():
            if not own:
                continue
            shape = wanted if name == "SUCCEEDED" else "NONE"
            content = await engine.beside(partial(_content, own, shape, kind))
            key = f"{folder}/{name}_0.{kind.lower()}"
            await _put(engine, execution, bucket, key, content)
            files[name].append({"Key": key, "Size": len(content)})
        manifest = {"DestinationBucket": bucket, "MapRunArn": run_arn, "ResultFiles": files}
        key = f"{folder}/manifest.json"
        await _put(engine, execution, bucket, key, pack(manifest))
    except AwsError as error:
        cause = f"{error.message} (Service: S3; Error Code: {error.code})"
        raise StatesError(RESULT_WRITER_FAILED, cause) from error
    return {"MapRunArn": run_arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _content(records: list[dict[str, Any]], transformation: str, kind: str) -> bytes:
    values = transformed(records, transformation)
    if kind == "JSONL":
        return b"\n".join(pack(each) for each in values) + b"\n"
    return pack(values)


async def _put(engine: Engine, execution: Execution, bucket: str, key: str, content: bytes) -> None:
    request = {"Bucket": bucket, "Key": key, "Body": content, "ContentType": "application/json"}
    await engine.parts.table.call(
        "s3", "PutObject", request, account=execution.account, region=execution.region
    )
