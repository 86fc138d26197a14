"""Signs messages as SNS does, with a key and a certificate of this emulator's own.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

from emulator.registry.document_store import DocumentStore, change

_KIND = "sns-certificate"
#: The certificate's name in its address.
FILE = "SimpleNotificationService-localfaas.pem"
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
#: A signature here says that a message is whole, not who has sent it. It takes a sixth of the time
#: that one of 2048 bits takes, which would be most of the time of a Publish.
_BITS = 1024
_YEARS = 10
#: A text to be signed, the version of its signature, and what will have that.
_Wanted = tuple[bytes, str, asyncio.Future[bytes]]


class Signer:
    """Signs messages; the key is made, or read, when the first one is signed.

    Args:
        endpoint: Where the certificate is served.
        documents: Keep the key.
    """

    def __init__(self, endpoint: str, documents: DocumentStore) -> None:
        self._documents = documents
        #: The certificate's address.
        self.url = f"{endpoint}/_emulator/public/sns/{FILE}"
        self._key: Any = None
        self._certificate = b""
        self._making = asyncio.Lock()
        #: What this turn of the loop wants signed: its text, its kind, where its signature goes.
        self._wanted: list[_Wanted] = []
        self._batches: SimpleQueue[list[_Wanted] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def certificate(self) -> bytes:
        """Return the certificate in PEM."""
        await self._prepare()
        return self._certificate

    async def signed(self, message: Mapping[str, str], version: str) -> dict[str, str]:
        """Return a message with its signature.

        Args:
            message: The members of the envelope.
            version: "1" for SHA-1, "2" for SHA-256.
        """
        await self._prepare()
        names = _NOTIFICATION if message["Type"] == "Notification" else _CONFIRMATION
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        signature = await self._signature(text.encode(), version)
        return {
            **message,
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.url,
        }

    def close(self) -> None:
        """Sign nothing more."""
        self._batches.put(None)

    def _signature(self, text: bytes, version: str) -> asyncio.Future[bytes]:
        """Return what will have the signature of a text.

        A signature takes a fifth of the time of a Publish: a thread makes it, and the loop goes on.
        """
        loop = asyncio.get_running_loop()
        if self._thread is None:
            work = partial(_sign_all, self._key, self._batches, loop)
            self._thread = threading.Thread(target=work, name="sns-signer", daemon=True)
            self._thread.start()
        if not self._wanted:
            loop.call_soon(self._hand_in)
        signature: asyncio.Future[bytes] = loop.create_future()
        self._wanted.append((text, version, signature))
        return signature

    def _hand_in(self) -> None:
        wanted, self._wanted = self._wanted, []
        self._batches.put(wanted)

    async def _prepare(self) -> None:
        if self._key is not None:
            return
        async with self._making:
            if self._key is not None:
                return
            kept = await self._documents.load(_KIND)
            if kept:
                body = kept[0].body
            else:
                body = await asyncio.to_thread(_make)
                await self._documents.write(change(_KIND, "", "", "certificate", body))
            from cryptography.hazmat.primitives.serialization import load_pem_private_key

            self._certificate = body["certificate"].encode()
            self._key = load_pem_private_key(body["key"].encode(), None)


def _sign_all(
    key: Any, batches: SimpleQueue[list[_Wanted] | None], loop: asyncio.AbstractEventLoop
) -> None:
    """Sign what comes until nothing more does: a thread's work."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    def sign(text: bytes, version: str) -> bytes | Exception:
        kind = hashes.SHA256() if version == "2" else hashes.SHA1()
        try:
            found: bytes = key.sign(text, padding.PKCS1v15(), kind)
        except Exception as error:  # noqa: BLE001 (the caller gets it)
            return error
        return found

    while batch := batches.get():
        signed = [(each, sign(text, version)) for text, version, each in batch]
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, signed)


def _tell(signed: Sequence[tuple[asyncio.Future[bytes], bytes | Exception]]) -> None:
    for each, found in signed:
        if each.done():
            continue
        if isinstance(found, Exception):
            each.set_exception(found)
        else:
            each.set_result(found)


def _make() -> dict[str, str]:
    """Return a new key and its certificate, in PEM."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, _BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.localfaas")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "key": private.decode(),
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
    }
