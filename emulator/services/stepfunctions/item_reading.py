"""What a distributed Map reads its items from: objects of S3, and lists of them.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.stepfunctions.engine.engine import Engine
from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.whole_objects import TooLarge, whole
from emulator.workflows.effects import Call
from emulator.workflows.errors import ITEM_READER_FAILED, StatesError

#: Bytes of an object, unpacked as well: they are held in memory. AWS reads ten gigabytes.
_LARGEST = 256 << 20
#: What comes of content that is not what its name or its manifest says.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    csv.Error,
    zlib.error,
)


async def read(engine: Engine, execution: Execution, call: Call) -> Any:
    """Return what a reader gets: the bytes of an object, or the items of a list.

    Raises:
        StatesError: States.ItemReaderFailed.
    """
    arguments = call.arguments if isinstance(call.arguments, Mapping) else {}
    reader = _Reader(engine, execution)
    try:
        if call.resource.action == "listObjectsV2":
            return await reader.listing(arguments, call.config.get("MaxItems"))
        content = await reader.content(arguments)
        if call.config.get("InputType") == "MANIFEST":
            return await reader.inventory(content, arguments, call.config.get("MaxItems"))
        return await engine.beside(partial(_unpacked, str(arguments.get("Key", "")), content))
    except AwsError as error:
        cause = f"{error.message} (Service: S3; Error Code: {error.code})"
        raise StatesError(ITEM_READER_FAILED, cause) from error
    except _UNREADABLE as error:
        cause = f"Attempting to parse the object failed: {error}"
        raise StatesError(ITEM_READER_FAILED, cause) from error


def _unpacked(key: str, content: bytes) -> bytes:
    if not key.endswith(".gz"):
        return content
    with gzip.open(io.BytesIO(content)) as file:
        unpacked = file.read(_LARGEST + 1)
    if len(unpacked) > _LARGEST:
        raise TooLarge(f"it has more than {_LARGEST} bytes")
    return unpacked


def _rows(names: list[str], key: str, content: bytes) -> list[dict[str, Any]]:
    rows = csv.reader(io.StringIO(_unpacked(key, content).decode()))
    return [dict(zip(names, row, strict=False)) for row in rows if row]


class _Reader:
    def __init__(self, engine: Engine, execution: Execution) -> None:
        self._table, self._beside = engine.parts.table, engine.beside
        self._where = {"account": execution.account, "region": execution.region}

    async def content(self, arguments: Mapping[str, Any]) -> bytes:
        request = self._table.fit("s3", "GetObject", arguments)
        answer = await self._table.call("s3", "GetObject", request, **self._where)
        return await whole(answer, _LARGEST)

    async def listing(self, arguments: Mapping[str, Any], most: Any) -> list[dict[str, Any]]:
        request = self._table.fit("s3", "ListObjectsV2", arguments)
        found: list[dict[str, Any]] = []
        while True:
            answer = await self._table.call("s3", "ListObjectsV2", request, **self._where)
            found += [
                {
                    "Etag": each.get("ETag"),
                    "LastModified": int(_seconds(each.get("LastModified"))),
                    "Key": each.get("Key"),
                    "Size": each.get("Size"),
                    "StorageClass": each.get("StorageClass"),
                }
                for each in answer.get("Contents") or []
            ]
            token = answer.get("NextContinuationToken")
            if not token or (most and len(found) >= most):
                return found
            request = {**request, "ContinuationToken": token}

    async def inventory(
        self, content: bytes, arguments: Mapping[str, Any], most: Any
    ) -> list[dict[str, Any]]:
        """Return the rows of an inventory of S3, which lie in other objects."""
        manifest = json.loads(content)
        names = [each.strip() for each in manifest["fileSchema"].split(",")]
        bucket = str(manifest.get("destinationBucket") or arguments.get("Bucket"))
        bucket = bucket.rpartition(":")[2]
        found: list[dict[str, Any]] = []
        for file in manifest["files"]:
            data = await self.content({"Bucket": bucket, "Key": file["key"]})
            found += await self._beside(partial(_rows, names, file["key"], data))
            if most and len(found) >= most:
                return found[: int(most)]
        return found


def _seconds(value: Any) -> float:
    from datetime import datetime

    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return float(value or 0)
