"""Signs messages as SNS does, with a key and a certificate of this emulator's own.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
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
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        names = _NOTIFICATION if message["Type"] == "Notification" else _CONFIRMATION
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        kind = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), kind)
        return {
            **message,
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.url,
        }

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
