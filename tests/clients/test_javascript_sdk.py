"""The JavaScript SDK: Kinesis, whose client speaks HTTP/2 alone, and S3 with its checksums."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.clients.tools import programs
from tests.needs import need
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.clients, pytest.mark.slow]

_SCRIPT = """
const sdk = require("@aws-sdk/client-kinesis");
const text = (record) => new TextDecoder().decode(record.Data);
(async () => {
  const client = new sdk.KinesisClient({
    endpoint: process.argv[1],
    region: "us-east-1",
    credentials: { accessKeyId: "000000000000", secretAccessKey: "test" },
  });
  const ask = (name, input) => client.send(new sdk[`${name}Command`](input));
  await ask("CreateStream", { StreamName: "js", ShardCount: 1 });
  const records = ["1", "2", "3"].map((n) => ({ Data: Buffer.from(n), PartitionKey: n }));
  const put = await ask("PutRecords", { StreamName: "js", Records: records });
  const { Shards: [shard] } = await ask("ListShards", { StreamName: "js" });
  const { ShardIterator } = await ask("GetShardIterator", {
    StreamName: "js", ShardId: shard.ShardId, ShardIteratorType: "TRIM_HORIZON",
  });
  const got = await ask("GetRecords", { ShardIterator });
  const { Consumer } = await ask("RegisterStreamConsumer", {
    StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/js", ConsumerName: "c",
  });
  const { EventStream } = await ask("SubscribeToShard", {
    ConsumerARN: Consumer.ConsumerARN,
    ShardId: shard.ShardId,
    StartingPosition: { Type: "TRIM_HORIZON" },
  });
  const sent = [];
  for await (const event of EventStream) {
    sent.push(...event.SubscribeToShardEvent.Records.map(text));
    if (sent.length >= 3) break;
  }
  console.log(JSON.stringify({
    failed: put.FailedRecordCount,
    got: got.Records.map(text),
    sent,
    handler: client.config.requestHandler.constructor.name,
  }));
  process.exit(0);
})();
"""


#: Bodies of every kind, with the checksums that the SDK adds by itself: some as trailers.
_BUCKET = """
const sdk = require("@aws-sdk/client-s3");
const { Readable } = require("node:stream");
(async () => {
  const client = new sdk.S3Client({
    endpoint: process.argv[1],
    region: "us-east-1",
    credentials: { accessKeyId: "000000000000", secretAccessKey: "test" },
    forcePathStyle: true,
  });
  const Bucket = "javascript";
  const ask = (name, input) => client.send(new sdk[`${name}Command`]({ Bucket, ...input }));
  await ask("CreateBucket", {});
  const found = {};
  for (const [Key, Body, more] of [
    ["text", "hello", {}],
    ["bytes", Buffer.alloc(300000, "x"), {}],
    ["stream", Readable.from([Buffer.from("st"), Buffer.from("ream")]), { ContentLength: 6 }],
    ["sha256", "hello", { ChecksumAlgorithm: "SHA256" }],
  ]) {
    const put = await ask("PutObject", { Key, Body, ...more });
    const got = await ask("GetObject", { Key });
    const text = await got.Body.transformToString();
    found[Key] = [put.ChecksumCRC32 || put.ChecksumSHA256, text.length, text.slice(0, 6)];
  }
  const { UploadId } = await ask("CreateMultipartUpload", { Key: "parts" });
  const part = await ask("UploadPart", { Key: "parts", UploadId, PartNumber: 1, Body: "whole" });
  await ask("CompleteMultipartUpload", {
    Key: "parts", UploadId, MultipartUpload: { Parts: [{ ETag: part.ETag, PartNumber: 1 }] },
  });
  const list = await ask("ListObjectsV2", {});
  const deleted = await ask("DeleteObjects", { Delete: { Objects: [{ Key: "text" }] } });
  const missing = await ask("GetObject", { Key: "text" }).catch((error) => error.name);
  console.log(JSON.stringify({
    found, keys: list.Contents.map((each) => each.Key), deleted: deleted.Deleted.length, missing,
  }));
})();
"""


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield running
    running.stop()


def _run(script: str, url: str) -> Any:
    folder = Path(programs("javascript-sdk")).parents[1]
    done = subprocess.run(
        [need("node", "nodejs"), "-e", script, url],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_objects_keep_the_checksums_that_it_adds(running: Running) -> None:
    assert _run(_BUCKET, running.url) == {
        "found": {
            "text": ["NhCmhg==", 5, "hello"],
            "bytes": ["s8gqzQ==", 300_000, "xxxxxx"],
            "stream": ["8Om+HA==", 6, "stream"],
            "sha256": ["LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", 5, "hello"],
        },
        "keys": ["bytes", "parts", "sha256", "stream", "text"],
        "deleted": 1,
        "missing": "NoSuchKey",
    }


def test_it_needs_no_special_handler(running: Running) -> None:
    assert _run(_SCRIPT, running.url) == {
        "failed": 0, "got": ["1", "2", "3"], "sent": ["1", "2", "3"], "handler": "NodeHttp2Handler",
    }  # fmt: skip
