"""Messages of topics are signed beside the loop, each with its own signature."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from emulator.registry.document_store import DocumentStore
from emulator.services.sns.signing import Signer
from emulator.store.store import Store


@pytest.fixture
async def signer(tmp_path: Path) -> AsyncIterator[Signer]:
    store = Store.open(tmp_path)
    made = Signer("http://localhost:4566", DocumentStore(store.documents))
    yield made
    made.close()
    await store.close()


def _message(number: int) -> dict[str, str]:
    return {
        "Type": "Notification",
        "MessageId": str(number),
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:topic",
        "Message": f"message {number}",
        "Timestamp": "2026-01-01T00:00:00.000Z",
    }


async def test_each_of_many_messages_has_its_own_signature(signer: Signer) -> None:
    versions = ["1", "2"] * 20
    found = await asyncio.gather(
        *(signer.signed(_message(number), version) for number, version in enumerate(versions))
    )
    key = x509.load_pem_x509_certificate(await signer.certificate()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    names = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
    for number, (version, message) in enumerate(zip(versions, found, strict=True)):
        assert message["MessageId"] == str(number)
        assert message["SignatureVersion"] == version
        text = "".join(f"{name}\n{message[name]}\n" for name in names)
        kind: hashes.HashAlgorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = base64.b64decode(message["Signature"])
        key.verify(signature, text.encode(), padding.PKCS1v15(), kind)


async def test_what_cannot_be_signed_fails_alone(signer: Signer) -> None:
    class Picky:
        def sign(self, text: bytes, how: Any, kind: hashes.HashAlgorithm) -> bytes:
            if isinstance(kind, hashes.SHA1):
                raise UnsupportedAlgorithm("SHA-1 is switched off")
            return b"signed"

    await signer.certificate()
    signer._key = Picky()
    with pytest.raises(UnsupportedAlgorithm):
        await signer.signed(_message(1), "1")
    assert (await signer.signed(_message(2), "2"))["Signature"] == "c2lnbmVk"


async def test_a_caller_that_gives_up_holds_up_nobody(signer: Signer) -> None:
    await signer.certificate()
    given_up = asyncio.create_task(signer.signed(_message(1), "2"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert (await signer.signed(_message(2), "2"))["Signature"]
