"""The JavaScript SDK's Kinesis client, which speaks HTTP/2 and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.clients.tools import programs
from tests.needs import need

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


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield running
    running.stop()


def test_it_needs_no_special_handler(running: Running) -> None:
    folder = Path(programs("javascript-sdk")).parents[1]
    done = subprocess.run(
        [need("node", "nodejs"), "-e", _SCRIPT, running.url],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "failed": 0, "got": ["1", "2", "3"], "sent": ["1", "2", "3"], "handler": "NodeHttp2Handler",
    }  # fmt: skip
