"""What kinds of keys there are, and what each can do. Pure.

https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

from dataclasses import dataclass

_RSA_SIGNING = tuple(
    f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)
)
_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
ENCRYPTING, SIGNING, MAC, AGREEING = (
    "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """A kind of key: the algorithms it knows for each usage."""

    encryption: tuple[str, ...] = ()
    signing: tuple[str, ...] = ()
    mac: tuple[str, ...] = ()
    agreement: tuple[str, ...] = ()
    #: The size in bits, or the name of the curve.
    form: int | str = 0

    @property
    def usages(self) -> tuple[str, ...]:
        """Return what such keys can be for."""
        given = (
            (ENCRYPTING, self.encryption),
            (SIGNING, self.signing),
            (MAC, self.mac),
            (AGREEING, self.agreement),
        )
        return tuple(usage for usage, algorithms in given if algorithms)

    def members(self, usage: str) -> dict[str, list[str]]:
        """Return the algorithms as KeyMetadata has them, for one usage."""
        given = {
            ENCRYPTING: ("EncryptionAlgorithms", self.encryption),
            SIGNING: ("SigningAlgorithms", self.signing),
            MAC: ("MacAlgorithms", self.mac),
            AGREEING: ("KeyAgreementAlgorithms", self.agreement),
        }
        name, algorithms = given[usage]
        return {name: list(algorithms)}


def _rsa(bits: int) -> KeySpec:
    return KeySpec(encryption=_OAEP, signing=_RSA_SIGNING, form=bits)


def _curve(name: str, digest: int, *, agrees: bool = True) -> KeySpec:
    agreement = ("ECDH",) if agrees else ()
    return KeySpec(signing=(f"ECDSA_SHA_{digest}",), agreement=agreement, form=name)


SPECS = {
    "SYMMETRIC_DEFAULT": KeySpec(encryption=("SYMMETRIC_DEFAULT",), form=256),
    "RSA_2048": _rsa(2048),
    "RSA_3072": _rsa(3072),
    "RSA_4096": _rsa(4096),
    "ECC_NIST_P256": _curve("SECP256R1", 256),
    "ECC_NIST_P384": _curve("SECP384R1", 384),
    "ECC_NIST_P521": _curve("SECP521R1", 512),
    "ECC_SECG_P256K1": _curve("SECP256K1", 256, agrees=False),
    "ECC_NIST_EDWARDS25519": KeySpec(signing=("ED25519_SHA_512",), form="ED25519"),
    "HMAC_224": KeySpec(mac=("HMAC_SHA_224",), form=224),
    "HMAC_256": KeySpec(mac=("HMAC_SHA_256",), form=256),
    "HMAC_384": KeySpec(mac=("HMAC_SHA_384",), form=384),
    "HMAC_512": KeySpec(mac=("HMAC_SHA_512",), form=512),
}
