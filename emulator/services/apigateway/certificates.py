"""Client certificates, by which an HTTP backend would know API Gateway."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta


def self_signed(now: float, days: int) -> str:
    """Return a certificate as PEM; its key is thrown away, for nothing here presents it.

    Args:
        now: Seconds since the epoch.
        days: How long it is valid.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ApiGateway")])
    begin = datetime.fromtimestamp(now, UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random.getrandbits(64) | 1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
