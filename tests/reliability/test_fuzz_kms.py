"""Bad input for KMS: AWS's kind of answer, never a 5xx, never a hang."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import partial
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.kms.operations import OPERATIONS
from emulator.settings import Settings
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.fuzzing import fuzz
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("kms").model
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/kms/aws4_request, x=y"
_ARN = "arn:aws:kms:us-east-1:000000000000"
#: Alias → what the key behind it is.
_KEYS = {
    "alias/symmetric": {},
    "alias/signing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "alias/mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "alias/agreeing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
}


def known(made: list[str]) -> dict[str, list[Any]]:
    """Return values by member; ``made`` are the ids of keys."""
    names = [*_KEYS, f"{_ARN}:alias/symmetric", "alias/missing", "alias/aws/s3", "x", "arn:aws:kms"]
    keys = [*made, *names]
    blobs = [b64encode(each).decode() for each in (b"", b"x", b"\x01" * 3, b"\x01\x24" + b"a" * 99)]
    return {
        "KeyId": keys,
        "TargetKeyId": keys,
        "SourceKeyId": [None, *keys],
        "DestinationKeyId": keys,
        "AliasName": [f"alias/new{n}" for n in range(4)] + ["alias/aws/x", "x", "alias/a b"],
        # Large RSA keys would take all the time.
        "KeySpec": [None, "SYMMETRIC_DEFAULT", "ECC_NIST_P256", "HMAC_256", "AES_256", "SM2"],
        "CustomerMasterKeySpec": [None],
        "KeyPairSpec": ["ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "SM2"],
        "KeyUsage": [None, "SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC"],
        "Origin": [None, "EXTERNAL"],
        "MultiRegion": [None, True],
        "Plaintext": blobs,
        "Message": [*blobs, b64encode(b"x" * 32).decode()],
        "CiphertextBlob": blobs,
        "Signature": blobs,
        "PublicKey": blobs,
        "Mac": blobs,
        "SigningAlgorithm": ["ECDSA_SHA_256", "RSASSA_PSS_SHA_256", "ED25519_SHA_512"],
        "MacAlgorithm": ["HMAC_SHA_256", "HMAC_SHA_512"],
        "MessageType": [None, "RAW", "DIGEST", "EXTERNAL_MU"],
        "EncryptionAlgorithm": [None, "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"],
        "SourceEncryptionAlgorithm": [None],
        "DestinationEncryptionAlgorithm": [None],
        "EncryptionContext": [None, {"a": "b"}],
        "NumberOfBytes": [None, 1, 1024],
        "Policy": ["{}", "[]", '{"Statement": [1]}', ""],
        "PolicyName": [None, "default", "other"],
        "Tags": [[{"TagKey": "a", "TagValue": "b"}], [{"TagKey": "aws:x", "TagValue": "b"}]],
        "TagKeys": [["a"], []],
        "Marker": [None, None, "1", "x"],
        "Limit": [None, 1, 100],
        "PendingWindowInDays": [None, 7, 30],
        "GranteePrincipal": ["arn:aws:iam::000000000000:role/r", None],
        "GrantToken": [None, "x"],
        "Operations": [["Decrypt"]],
        "DryRun": [None, None, True],
        "Recipient": [None],
        "GrantTokens": [None],
        "CustomKeyStoreId": [None],
    }


def signed(request: FuzzedRequest) -> FuzzedRequest:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"TrentService.{request.operation}",
        "authorization": _CREDENTIAL,
    }
    return FuzzedRequest(request.operation, "POST", "/", "", headers, request.body)


async def _furnish(values: dict[str, list[Any]], emulator: Emulator) -> None:
    """Make keys and their aliases; most operations know keys by their ids alone."""
    ids = []
    for alias, fields in _KEYS.items():
        body = json.dumps(fields).encode()
        made = signed(FuzzedRequest("CreateKey", "POST", "/", "", {"host": "localhost"}, body))
        _, _, answer = await send_to(emulator.router, made)
        ids.append(json.loads(answer)["KeyMetadata"]["KeyId"])
        target = {"AliasName": alias, "TargetKeyId": ids[-1]}
        for operation in ("DeleteAlias", "CreateAlias"):
            given = target if operation == "CreateAlias" else {"AliasName": alias}
            content = json.dumps(given).encode()
            request = signed(
                FuzzedRequest(operation, "POST", "/", "", {"host": "localhost"}, content)
            )
            await send_to(emulator.router, request)
    values.update(known(ids))


def _complaint(status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if not 200 <= status < 500:
        return f"status {status}: {body[:300]!r}"
    if status >= 400 and not json.loads(body).get("__type"):
        return f"{status} without __type: {body[:300]!r}"
    return ""


@pytest.mark.parametrize(
    ("count", "seed"),
    [(500, 1), pytest.param(15_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    values = known([])
    fuzzer = Fuzzer(MODEL, values, seed, OPERATIONS)
    found = await fuzz(
        Settings(port=0, drain_seconds=0),
        count,
        lambda: signed(fuzzer.request()),
        partial(_furnish, values),
        _complaint,
    )
    assert found.complaints == [], f"seed {seed}"
    assert found.statuses[200] > count / 20, found.statuses
    assert len(found.succeeded) > len(OPERATIONS) / 2, OPERATIONS.keys() - found.succeeded
