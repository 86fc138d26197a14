"""Operations that use keys: they encrypt, sign, authenticate, and make data keys."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.kms import errors, material
from emulator.services.kms.material import Refused
from emulator.services.kms.specs import AGREEING, ENCRYPTING, MAC, SIGNING, SPECS
from emulator.services.kms.state import Key, of

_SYMMETRIC = "SYMMETRIC_DEFAULT"
_MOST_PLAINTEXT = 4096
_DATA_KEYS = {"AES_256": 32, "AES_128": 16}
_VERSION = 1


def _context(request: Request, member: str = "EncryptionContext") -> bytes:
    """Return an encryption context as what authenticates a ciphertext."""
    return json.dumps(request.get(member) or {}, sort_keys=True).encode()


def _seal(key: Key, plaintext: bytes, context: bytes) -> bytes:
    """Encrypt by a symmetric key; the ciphertext says which it was."""
    name, number = key.id.encode(), len(key.body["material"]) - 1
    head = bytes([_VERSION, len(name)]) + name + number.to_bytes(4)
    return head + material.seal(key.material(number), plaintext, context)


async def _unseal(
    ctx: Context, blob: bytes, context: bytes, wanted: str | None
) -> tuple[Key, bytes, str]:
    """Decrypt by the symmetric key that a ciphertext names.

    Returns:
        The key, what was encrypted, and the id of the material that did it.

    Raises:
        AwsError: It is no ciphertext, the context is another, or ``wanted`` is another key.
    """
    end = 2 + blob[1] if len(blob) > 2 else 0
    if not end or blob[0] != _VERSION or len(blob) < end + 4:
        raise errors.bad_ciphertext()
    name = blob[2:end].decode("ascii", "replace")
    if of(ctx).key(ctx.account, ctx.region, name) is None and wanted is None:
        raise errors.bad_ciphertext()
    if wanted is not None and (await of(ctx).find(ctx, wanted)).id != name:
        raise AwsError(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )
    key = await of(ctx).usable(ctx, name, ENCRYPTING)
    number = int.from_bytes(blob[end : end + 4])
    if number >= len(key.body["material"]):
        raise errors.bad_ciphertext()
    try:
        plaintext = material.unseal(key.material(number), blob[end + 4 :], context)
    except Refused:
        raise errors.bad_ciphertext() from None
    return key, plaintext, key.body["material_ids"][number]


def _check_algorithm(key: Key, algorithm: str, known: tuple[str, ...], operation: str) -> None:
    if algorithm not in known:
        raise AwsError(
            "InvalidKeyUsageException",
            f"Algorithm {algorithm} is incompatible with key spec {key.spec}.",
        )


def _refuse_recipient(request: Request) -> None:
    if request.get("Recipient"):
        raise errors.unsupported("localfaas has no enclaves: Recipient is not served.")


async def encrypt(ctx: Context, request: Request) -> Response:
    """Serve Encrypt.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html
    """
    key = await of(ctx).usable(ctx, request["KeyId"], ENCRYPTING)
    algorithm = request.get("EncryptionAlgorithm") or _SYMMETRIC
    blob = _encrypt(ctx, key, algorithm, request["Plaintext"], _context(request))
    if request.get("DryRun"):
        raise errors.dry_run()
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


def _encrypt(ctx: Context, key: Key, algorithm: str, plaintext: bytes, context: bytes) -> bytes:
    _check_algorithm(key, algorithm, SPECS[key.spec].encryption, ctx.operation)
    if algorithm == _SYMMETRIC:
        if len(plaintext) > _MOST_PLAINTEXT:
            raise errors.invalid(
                "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_MOST_PLAINTEXT}"
            )
        return _seal(key, plaintext, context)
    try:
        return material.encrypt_rsa(key.material(), algorithm, plaintext)
    except Refused:
        raise errors.invalid(
            f"Algorithm {algorithm} and key spec {key.spec} can't encrypt data this large."
        ) from None


async def decrypt(ctx: Context, request: Request) -> Response:
    """Serve Decrypt.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
    """
    _refuse_recipient(request)
    algorithm = request.get("EncryptionAlgorithm") or _SYMMETRIC
    key, plaintext, material_id = await _decrypt(
        ctx, request, algorithm, request.get("KeyId"), _context(request)
    )
    if request.get("DryRun"):
        raise errors.dry_run()
    return {
        "KeyId": key.arn,
        "Plaintext": plaintext,
        "EncryptionAlgorithm": algorithm,
        "KeyMaterialId": material_id,
    }


async def _decrypt(
    ctx: Context, request: Request, algorithm: str, name: str | None, context: bytes
) -> tuple[Key, bytes, str | None]:
    blob = request.get("CiphertextBlob")
    if not blob:
        raise errors.invalid("CiphertextBlob is required.")
    if algorithm == _SYMMETRIC:
        if name is not None:
            await of(ctx).usable(ctx, name, ENCRYPTING)
        return await _unseal(ctx, blob, context, name)
    if name is None:
        raise errors.invalid("KeyId is required where the algorithm is asymmetric.")
    key = await of(ctx).usable(ctx, name, ENCRYPTING)
    _check_algorithm(key, algorithm, SPECS[key.spec].encryption, ctx.operation)
    try:
        # A private key of 4,096 bits takes several milliseconds.
        plain = await asyncio.to_thread(material.decrypt_rsa, key.material(), algorithm, blob)
        return key, plain, None
    except Refused:
        raise errors.bad_ciphertext() from None


async def re_encrypt(ctx: Context, request: Request) -> Response:
    """Serve ReEncrypt.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
    """
    before = request.get("SourceEncryptionAlgorithm") or _SYMMETRIC
    after = request.get("DestinationEncryptionAlgorithm") or _SYMMETRIC
    source, plaintext, source_material = await _decrypt(
        ctx,
        request,
        before,
        request.get("SourceKeyId"),
        _context(request, "SourceEncryptionContext"),
    )
    target = await of(ctx).usable(ctx, request["DestinationKeyId"], ENCRYPTING)
    context = _context(request, "DestinationEncryptionContext")
    blob = _encrypt(ctx, target, after, plaintext, context)
    if request.get("DryRun"):
        raise errors.dry_run()
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.arn,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": before,
        "DestinationEncryptionAlgorithm": after,
        "SourceKeyMaterialId": source_material,
        "DestinationKeyMaterialId": _material_id(target),
    }


def _material_id(key: Key) -> str | None:
    return key.body["material_ids"][-1] if key.spec == _SYMMETRIC else None


# -- data keys ----------------------------------------------------------------------------------


async def generate_data_key(ctx: Context, request: Request) -> Response:
    """Serve GenerateDataKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
    """
    _refuse_recipient(request)
    spec, size = request.get("KeySpec"), request.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise errors.invalid("Please specify either number of bytes or key spec.")
    key = await _symmetric(ctx, request)
    plaintext = os.urandom(_DATA_KEYS[spec] if spec else int(size or 0))
    return {
        "CiphertextBlob": _seal(key, plaintext, _context(request)),
        "Plaintext": plaintext,
        "KeyId": key.arn,
        "KeyMaterialId": _material_id(key),
    }


async def generate_data_key_without_plaintext(ctx: Context, request: Request) -> Response:
    """Serve GenerateDataKeyWithoutPlaintext.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html
    """
    answer = await generate_data_key(ctx, request)
    del answer["Plaintext"]
    return answer


async def generate_data_key_pair(ctx: Context, request: Request) -> Response:
    """Serve GenerateDataKeyPair.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html
    """
    _refuse_recipient(request)
    spec = request["KeyPairSpec"]
    if spec not in SPECS:
        raise errors.unsupported(f"localfaas has no key pairs of the spec {spec}.")
    key = await _symmetric(ctx, request)
    private = await asyncio.to_thread(material.make, spec)
    return {
        "PrivateKeyCiphertextBlob": _seal(key, private, _context(request)),
        "PrivateKeyPlaintext": private,
        "PublicKey": material.public(private),
        "KeyId": key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": _material_id(key),
    }


async def generate_data_key_pair_without_plaintext(ctx: Context, request: Request) -> Response:
    """Serve GenerateDataKeyPairWithoutPlaintext.

    https://docs.aws.amazon.com/kms/latest/APIReference/
    """
    answer = await generate_data_key_pair(ctx, request)
    del answer["PrivateKeyPlaintext"]
    return answer


async def _symmetric(ctx: Context, request: Request) -> Key:
    """Return the key of a request that encrypts data keys.

    Raises:
        AwsError: It is none, or the request is a trial.
    """
    key = await of(ctx).usable(ctx, request["KeyId"], ENCRYPTING)
    if key.spec != _SYMMETRIC:
        raise AwsError(
            "InvalidKeyUsageException", f"{key.arn} key spec is {key.spec} which is not valid."
        )
    if request.get("DryRun"):
        raise errors.dry_run()
    return key


async def generate_random(ctx: Context, request: Request) -> Response:
    """Serve GenerateRandom.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html
    """
    _refuse_recipient(request)
    if request.get("NumberOfBytes") is None:
        raise errors.invalid("NumberOfBytes is required.")
    return {"Plaintext": os.urandom(request["NumberOfBytes"])}


# -- signatures ---------------------------------------------------------------------------------


async def sign(ctx: Context, request: Request) -> Response:
    """Serve Sign.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
    """
    key, algorithm, digested = await _signing(ctx, request)
    try:
        signature = await asyncio.to_thread(
            material.sign, key.material(), algorithm, request["Message"], digested=digested
        )
    except Refused as error:
        raise errors.invalid(str(error)) from None
    if request.get("DryRun"):
        raise errors.dry_run()
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


async def verify(ctx: Context, request: Request) -> Response:
    """Serve Verify.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html
    """
    key, algorithm, digested = await _signing(ctx, request)
    try:
        material.verify(
            key.material(), algorithm, request["Message"], request["Signature"], digested=digested
        )
    except Refused:
        raise AwsError("KMSInvalidSignatureException", "") from None
    if request.get("DryRun"):
        raise errors.dry_run()
    return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


async def _signing(ctx: Context, request: Request) -> tuple[Key, str, bool]:
    """Return key and algorithm of a signature, and whether the message is a digest.

    Raises:
        AwsError: They do not go together.
    """
    key = await of(ctx).usable(ctx, request["KeyId"], SIGNING)
    algorithm, kind = request["SigningAlgorithm"], request.get("MessageType") or "RAW"
    _check_algorithm(key, algorithm, SPECS[key.spec].signing, ctx.operation)
    if kind == "EXTERNAL_MU":
        raise errors.invalid("EXTERNAL_MU is for ML-DSA alone.")
    digested = kind == "DIGEST"
    if not digested and len(request["Message"]) > _MOST_PLAINTEXT:
        raise errors.invalid(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MOST_PLAINTEXT}"
        )
    if digested and len(request["Message"]) != material.digest_size(algorithm):
        raise errors.invalid("Digest is invalid length for algorithm " + algorithm + ".")
    return key, algorithm, digested


async def get_public_key(ctx: Context, request: Request) -> Response:
    """Serve GetPublicKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
    """
    key = await of(ctx).usable(ctx, request["KeyId"])
    if key.spec == _SYMMETRIC or key.usage == MAC:
        raise errors.unsupported(f"{key.arn} has no public key.")
    return {
        "KeyId": key.arn,
        "PublicKey": material.public(key.material()),
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        **SPECS[key.spec].members(key.usage),
    }


async def derive_shared_secret(ctx: Context, request: Request) -> Response:
    """Serve DeriveSharedSecret.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html
    """
    _refuse_recipient(request)
    key = await of(ctx).usable(ctx, request["KeyId"], AGREEING)
    try:
        secret = material.agree(key.material(), request["PublicKey"])
    except Refused:
        raise errors.invalid("PublicKey is no key of the same curve.") from None
    if request.get("DryRun"):
        raise errors.dry_run()
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": request["KeyAgreementAlgorithm"],
        "KeyOrigin": "AWS_KMS",
    }


async def generate_mac(ctx: Context, request: Request) -> Response:
    """Serve GenerateMac.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html
    """
    key, code = await _mac(ctx, request)
    if request.get("DryRun"):
        raise errors.dry_run()
    return {"Mac": code, "MacAlgorithm": request["MacAlgorithm"], "KeyId": key.arn}


async def verify_mac(ctx: Context, request: Request) -> Response:
    """Serve VerifyMac.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html
    """
    key, code = await _mac(ctx, request)
    if not hmac.compare_digest(code, request["Mac"]):
        raise AwsError("KMSInvalidMacException", "")
    if request.get("DryRun"):
        raise errors.dry_run()
    return {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": request["MacAlgorithm"]}


async def _mac(ctx: Context, request: Request) -> tuple[Key, bytes]:
    key = await of(ctx).usable(ctx, request["KeyId"], MAC)
    algorithm: Any = request["MacAlgorithm"]
    _check_algorithm(key, algorithm, SPECS[key.spec].mac, ctx.operation)
    return key, material.authenticate(key.material(), algorithm, request["Message"])
