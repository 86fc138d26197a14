"""What keys do with bytes: by the library ``cryptography``, imported at the first use."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from emulator.services.kms.specs import SPECS

_NONCE = 12


class Refused(ValueError):
    """The bytes do not fit the key, the context or the signature."""


def make(spec: str) -> bytes:
    """Return the material of a new key: raw bytes, or a private key in DER."""
    known = SPECS[spec]
    if spec == "SYMMETRIC_DEFAULT" or known.mac:
        assert isinstance(known.form, int)
        return os.urandom(known.form // 8)
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key: Any
    if isinstance(known.form, int):
        key = rsa.generate_private_key(public_exponent=65537, key_size=known.form)
    elif known.form == "ED25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(getattr(ec, known.form)())
    return bytes(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def public(material: bytes) -> bytes:
    """Return the public key of a private one, in DER."""
    from cryptography.hazmat.primitives import serialization

    found = _private(material).public_key()
    return bytes(
        found.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _private(material: bytes) -> Any:
    from cryptography.hazmat.primitives import serialization

    # It was made here: to check a large RSA key each time takes a third of a second.
    return serialization.load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)


def seal(material: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt by AES-GCM; the context has to be the same to open it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(material).encrypt(nonce, plaintext, context)


def unseal(material: bytes, sealed: bytes, context: bytes) -> bytes:
    """Decrypt what :func:`seal` has made.

    Raises:
        Refused: It is none, or the context is another.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(material).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise Refused from error


def _oaep(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    return padding.OAEP(padding.MGF1(digest), digest, None)


def encrypt_rsa(material: bytes, algorithm: str, plaintext: bytes) -> bytes:
    """Encrypt with the public part of a key.

    Raises:
        Refused: It is too long for the key.
    """
    try:
        return bytes(_private(material).public_key().encrypt(plaintext, _oaep(algorithm)))
    except ValueError as error:
        raise Refused from error


def decrypt_rsa(material: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """Decrypt with a private key.

    Raises:
        Refused: It was not encrypted so.
    """
    try:
        return bytes(_private(material).decrypt(ciphertext, _oaep(algorithm)))
    except ValueError as error:
        raise Refused from error


def _signing(algorithm: str, *, digested: bool) -> tuple[Any, Any]:
    """Return the padding (None: a curve has none) and the digest of a signature."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    digest: Any = getattr(hashes, f"SHA{algorithm.rpartition('_')[2]}")()
    pad: Any = None
    if algorithm.startswith("RSASSA_PSS"):
        pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
    elif algorithm.startswith("RSASSA"):
        pad = padding.PKCS1v15()
    return pad, utils.Prehashed(digest) if digested else digest


def digest_size(algorithm: str) -> int:
    """Return the bytes of the digests that an algorithm signs."""
    return int(algorithm.rpartition("_")[2]) // 8


def sign(material: bytes, algorithm: str, message: bytes, *, digested: bool) -> bytes:
    """Sign a message, or its digest.

    Raises:
        Refused: The key can't sign it so.
    """
    key = _private(material)
    try:
        if algorithm.startswith("ED25519"):
            return bytes(key.sign(message))
        pad, digest = _signing(algorithm, digested=digested)
        if pad is not None:
            return bytes(key.sign(message, pad, digest))
        from cryptography.hazmat.primitives.asymmetric import ec

        return bytes(key.sign(message, ec.ECDSA(digest)))
    except ValueError as error:
        raise Refused(str(error)) from error


def verify(
    material: bytes, algorithm: str, message: bytes, signature: bytes, *, digested: bool
) -> None:
    """Check a signature.

    Raises:
        Refused: It is none of this message.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _private(material).public_key()
    try:
        if algorithm.startswith("ED25519"):
            key.verify(signature, message)
            return
        pad, digest = _signing(algorithm, digested=digested)
        if pad is not None:
            key.verify(signature, message, pad, digest)
        else:
            key.verify(signature, message, ec.ECDSA(digest))
    except (InvalidSignature, ValueError) as error:
        raise Refused from error


def agree(material: bytes, peer: bytes) -> bytes:
    """Return the secret that a key shares with another's public key, in DER.

    Raises:
        Refused: The other is no key of the same curve.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        other: Any = serialization.load_der_public_key(peer)
        return bytes(_private(material).exchange(ec.ECDH(), other))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused from error


def authenticate(material: bytes, algorithm: str, message: bytes) -> bytes:
    """Return the code that authenticates a message."""
    digest = getattr(hashlib, f"sha{algorithm.rpartition('_')[2]}")
    return hmac.new(material, message, digest).digest()
