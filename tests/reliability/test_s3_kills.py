"""The emulator is killed while objects are put: nothing that was acknowledged is lost.

The seed is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import hashlib
import os
import random
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

WRITERS = 6
SIZES = (0, 100, 16 * 1024, 16 * 1024 + 1, 300_000)
PART = 5 << 20


class Writer(threading.Thread):
    """Puts, overwrites and deletes objects until the emulator is gone; knows what was acknowledged.

    Attributes:
        kept: What each key has to hold; None: nothing.
        open: What a key may hold as well: of the request that had no answer.
    """

    def __init__(self, client: Any, number: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.number = number
        self.choice = random.Random(f"{seed}/{number}")
        self.kept: dict[str, str | None] = {}
        self.open: tuple[str, str | None] | None = None
        self.done = 0

    def run(self) -> None:
        try:
            while True:
                self._write()
                self.open = None
                self.done += 1
        except (BotoCoreError, ClientError, OSError):
            return

    def _write(self) -> None:
        key = f"{self.number}/{self.choice.randrange(20)}"
        if self.choice.random() < 0.2:
            self.open = key, None
            self.client.delete_object(Bucket="kept", Key=key)
            self.kept[key] = None
            return
        body = self.choice.randbytes(self.choice.choice(SIZES))
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.open = key, digest
        self.client.put_object(Bucket="kept", Key=key, Body=body)
        self.kept[key] = digest


def _done(writers: list[Writer], least: int) -> bool:
    return sum(each.done for each in writers) >= least


def found_at(client: Any, key: str) -> str | None:
    """Return the MD5 of what is at a key, read whole; None where nothing is."""
    try:
        got = client.get_object(Bucket="kept", Key=key)
    except client.exceptions.NoSuchKey:
        return None
    digest = hashlib.md5(got["Body"].read(), usedforsecurity=False).hexdigest()
    assert got["ETag"] == f'"{digest}"'
    return digest


@pytest.mark.slow
@kills(few=4)
def test_nothing_acknowledged_is_lost(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED") or random.randrange(2**32))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    expected: dict[str, str | None] = {}
    emulator = Emulator(tmp_path)
    emulator.client("s3").create_bucket(Bucket="kept")
    for kill in range(kills):
        writers = [Writer(emulator.client("s3"), n, seed + kill) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        least = choice.randrange(20, 150)
        until(partial(_done, writers, least))
        emulator.kill()
        for writer in writers:
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
        emulator = Emulator(tmp_path)
        client = emulator.client("s3")
        for writer in writers:
            expected |= writer.kept
        unanswered = dict(writer.open for writer in writers if writer.open is not None)
        for key, digest in expected.items():
            found = found_at(client, key)
            assert found in {digest, unanswered.get(key, digest)}, key
            expected[key] = found
        for key in unanswered.keys() - expected.keys():
            expected[key] = found_at(client, key)
        listed = client.get_paginator("list_objects_v2").paginate(Bucket="kept")
        keys = {each["Key"] for page in listed for each in page.get("Contents", ())}
        assert keys == {key for key, digest in expected.items() if digest is not None}
        # No file without a row: what the kill had left is gone.
        large = {d for d in expected.values() if d is not None}
        assert len(list((tmp_path / "objects").glob("??/*"))) <= len(keys), large
    emulator.kill()


@pytest.mark.slow
def test_a_client_that_goes_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    client = emulator.client("s3")
    client.create_bucket(Bucket="kept")
    upload = client.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    for path in ("/kept/whole", f"/kept/parts?partNumber=1&uploadId={upload}"):
        with socket.create_connection(("127.0.0.1", emulator.port), PATIENCE_S) as connection:
            head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * PART}\r\n\r\n"
            connection.sendall(head.encode() + os.urandom(PART))
            until(lambda: list((tmp_path / "objects").glob("??/*")))
        until(lambda: not list((tmp_path / "objects").glob("??/*")))
    assert "Contents" not in client.list_objects_v2(Bucket="kept")
    assert "Parts" not in client.list_parts(Bucket="kept", Key="parts", UploadId=upload)
    emulator.kill()
