"""KMS through boto3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

_CLOCK = JumpingClock()
_CONTEXT = {"team": "a", "app": "b"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=_CLOCK)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def kms(running: Running) -> Iterator[Any]:
    client = running.client("kms")
    yield client
    client.close()


def key(kms: Any, **fields: Any) -> str:
    return str(kms.create_key(**fields)["KeyMetadata"]["KeyId"])


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def test_what_is_encrypted_is_decrypted_in_the_same_context_only(kms: Any) -> None:
    id = key(kms)
    sealed = kms.encrypt(KeyId=id, Plaintext=b"secret", EncryptionContext=_CONTEXT)
    assert sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    blob = sealed["CiphertextBlob"]
    assert b"secret" not in blob
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(_CONTEXT.items())))
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", sealed["KeyId"])
    assert refused(kms.decrypt, CiphertextBlob=blob)[0] == "InvalidCiphertextException"
    damaged = blob[:-1] + bytes([blob[-1] ^ 1])
    request = {"CiphertextBlob": damaged, "EncryptionContext": _CONTEXT}
    assert refused(kms.decrypt, **request)[0] == "InvalidCiphertextException"
    wrong = {"CiphertextBlob": blob, "EncryptionContext": _CONTEXT, "KeyId": key(kms)}
    assert refused(kms.decrypt, **wrong)[0] == "IncorrectKeyException"
    again = kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext=_CONTEXT, DestinationKeyId=wrong["KeyId"]
    )
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"secret"


def test_what_was_encrypted_before_a_rotation_is_decrypted_after_it(
    running: Running, kms: Any
) -> None:
    id = key(kms)
    blob = kms.encrypt(KeyId=id, Plaintext=b"x")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=id, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=id)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    kms.rotate_key_on_demand(KeyId=id)
    assert len(kms.list_key_rotations(KeyId=id)["Rotations"]) == 1
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    running.call(lambda: _CLOCK.jump(90 * 86_400 + 1))
    kms.encrypt(KeyId=id, Plaintext=b"x")
    kinds = [each["RotationType"] for each in kms.list_key_rotations(KeyId=id)["Rotations"]]
    assert kinds == ["ON_DEMAND", "AUTOMATIC"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.disable_key_rotation(KeyId=id)
    assert not kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"]


def test_data_keys(kms: Any) -> None:
    id = key(kms)
    made = kms.generate_data_key(KeyId=id, KeySpec="AES_256", EncryptionContext=_CONTEXT)
    assert len(made["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=_CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=id, NumberOfBytes=10)
    assert "Plaintext" not in hidden
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 10
    pair = kms.generate_data_key_pair(KeyId=id, KeyPairSpec="ECC_NIST_P256")
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    serialization.load_der_private_key(opened["Plaintext"], None)
    hidden = kms.generate_data_key_pair_without_plaintext(KeyId=id, KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in hidden
    assert len(kms.generate_random(NumberOfBytes=7)["Plaintext"]) == 7
    code, _ = refused(kms.generate_data_key, KeyId=id)
    assert code == "ValidationException"


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("RSA_2048", "RSASSA_PSS_SHA_512"),
        ("ECC_NIST_P256", "ECDSA_SHA_256"),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
        ("ECC_NIST_P521", "ECDSA_SHA_512"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
    ],
)
def test_signatures_are_verified_here_and_elsewhere(kms: Any, spec: str, algorithm: str) -> None:
    id = key(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    named = {"KeyId": id, "Message": b"message", "SigningAlgorithm": algorithm}
    signature = kms.sign(**named)["Signature"]
    assert kms.verify(**named, Signature=signature)["SignatureValid"]
    other = {**named, "Message": b"another"}
    assert refused(kms.verify, **other, Signature=signature)[0] == "KMSInvalidSignatureException"
    public: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=id)["PublicKey"])
    if algorithm == "RSASSA_PKCS1_V1_5_SHA_256":
        public.verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())
    elif spec == "ECC_NIST_P256":
        public.verify(signature, b"message", ec.ECDSA(hashes.SHA256()))
    if "ED25519" not in algorithm:
        digest = hashlib.new(f"sha{algorithm[-3:]}", b"message").digest()
        of_digest = {**named, "Message": digest, "MessageType": "DIGEST"}
        assert kms.verify(**of_digest, Signature=signature)["SignatureValid"]
    assert refused(kms.encrypt, KeyId=id, Plaintext=b"x")[0] == "InvalidKeyUsageException"


def test_rsa_keys_encrypt_and_macs_authenticate(kms: Any) -> None:
    id = key(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    algorithm = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(KeyId=id, Plaintext=b"x", **algorithm)["CiphertextBlob"]
    assert kms.decrypt(KeyId=id, CiphertextBlob=blob, **algorithm)["Plaintext"] == b"x"
    id = key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    named = {"KeyId": id, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    code = kms.generate_mac(**named)["Mac"]
    assert kms.verify_mac(**named, Mac=code)["MacValid"]
    wrong = {**named, "Message": b"n"}
    assert refused(kms.verify_mac, **wrong, Mac=code)[0] == "KMSInvalidMacException"


def test_two_sides_derive_the_same_secret(kms: Any) -> None:
    id = key(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    own = ec.generate_private_key(ec.SECP256R1())
    public = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    derived = kms.derive_shared_secret(KeyId=id, KeyAgreementAlgorithm="ECDH", PublicKey=public)
    theirs: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=id)["PublicKey"])
    assert own.exchange(ec.ECDH(), theirs) == derived["SharedSecret"]


def test_aliases_name_keys(kms: Any) -> None:
    one, other = key(kms), key(kms)
    kms.create_alias(AliasName="alias/app", TargetKeyId=one)
    assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["KeyId"] == one
    arn = "arn:aws:kms:us-east-1:000000000000:alias/app"
    code, text = refused(kms.create_alias, AliasName="alias/app", TargetKeyId=one)
    assert (code, text) == (
        "AlreadyExistsException", f"An alias with the name {arn} already exists",
    )  # fmt: skip
    kms.update_alias(AliasName="alias/app", TargetKeyId=other)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == other
    assert [each["AliasArn"] for each in kms.list_aliases(KeyId=other)["Aliases"]] == [arn]
    for call in (kms.disable_key, kms.schedule_key_deletion, kms.list_grants):
        assert refused(call, KeyId="alias/app") == (
            "NotFoundException", "Invalid keyId 'alias/app'",
        )  # fmt: skip
    kms.schedule_key_deletion(KeyId=one)
    for call, name in ((kms.create_alias, "alias/late"), (kms.update_alias, "alias/app")):
        code, text = refused(call, AliasName=name, TargetKeyId=one)
        assert (code, text.endswith(f"{one} is pending deletion.")) == (
            "KMSInvalidStateException", True,
        )  # fmt: skip
    kms.delete_alias(AliasName="alias/app")
    code, text = refused(kms.describe_key, KeyId="alias/app")
    assert (code, text) == ("NotFoundException", f"Alias {arn} is not found.")
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyManager"] == "AWS"


def test_all_who_ask_first_for_a_managed_key_get_the_same(kms: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kms.describe_key, KeyId="alias/aws/s3") for _ in range(16)]
    assert len({each.result()["KeyMetadata"]["KeyId"] for each in asked}) == 1


def test_keys_are_disabled_and_deleted_in_time(running: Running, kms: Any) -> None:
    id = key(kms, Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}])
    arn = f"arn:aws:kms:us-east-1:000000000000:key/{id}"
    kms.disable_key(KeyId=id)
    assert refused(kms.encrypt, KeyId=id, Plaintext=b"x") == (
        "DisabledException", f"{arn} is disabled.",
    )  # fmt: skip
    kms.enable_key(KeyId=id)
    kms.schedule_key_deletion(KeyId=id, PendingWindowInDays=7)
    assert refused(kms.encrypt, KeyId=id, Plaintext=b"x") == (
        "KMSInvalidStateException", f"{arn} is pending deletion.",
    )  # fmt: skip
    kms.cancel_key_deletion(KeyId=id)
    assert kms.describe_key(KeyId=id)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.schedule_key_deletion(KeyId=id, PendingWindowInDays=7)
    running.call(lambda: _CLOCK.jump(7 * 86_400 + 1))
    assert refused(kms.describe_key, KeyId=id) == (
        "NotFoundException", f"Key '{arn}' does not exist",
    )  # fmt: skip
    assert id not in [each["KeyId"] for each in kms.list_keys(Limit=1000)["Keys"]]
    assert refused(kms.describe_key, KeyId="zzz") == ("NotFoundException", "Invalid keyId 'zzz'")


def test_policies_tags_and_grants_are_kept(kms: Any) -> None:
    id = key(kms)
    assert json.loads(kms.get_key_policy(KeyId=id)["Policy"])["Id"] == "key-default-1"
    policy = json.dumps({"Statement": [{"Effect": "Allow"}]})
    kms.put_key_policy(KeyId=id, Policy=policy)
    assert kms.get_key_policy(KeyId=id)["Policy"] == policy
    assert kms.list_key_policies(KeyId=id)["PolicyNames"] == ["default"]
    kms.tag_resource(KeyId=id, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.untag_resource(KeyId=id, TagKeys=["b"])
    assert kms.list_resource_tags(KeyId=id)["Tags"] == [{"TagKey": "a", "TagValue": "1"}]
    kms.update_key_description(KeyId=id, Description="new")
    assert kms.describe_key(KeyId=id)["KeyMetadata"]["Description"] == "new"
    grantee = "arn:aws:iam::000000000000:role/r"
    grant = {"KeyId": id, "GranteePrincipal": grantee, "RetiringPrincipal": grantee}
    one, two = (kms.create_grant(**grant, Operations=["Decrypt"]) for _ in range(2))
    assert len(kms.list_grants(KeyId=id)["Grants"]) == 2
    assert len(kms.list_retirable_grants(RetiringPrincipal=grantee)["Grants"]) == 2
    kms.revoke_grant(KeyId=id, GrantId=one["GrantId"])
    kms.retire_grant(GrantToken=two["GrantToken"])
    assert kms.list_grants(KeyId=id)["Grants"] == []


def test_templates_make_keys(running: Running, kms: Any) -> None:
    cloudformation = running.client("cloudformation")
    resources: dict[str, Any] = {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "EnableKeyRotation": True,
                "KeyPolicy": {"Statement": [{"Effect": "Allow"}]},
            },
        },
        "Alias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": "alias/made", "TargetKeyId": {"Ref": "Key"}},
        },
    }
    template = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName="keys", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="keys", WaiterConfig={"Delay": 1}
    )
    made = kms.describe_key(KeyId="alias/made")["KeyMetadata"]
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    cloudformation.delete_stack(StackName="keys")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="keys", WaiterConfig={"Delay": 1}
    )
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    cloudformation.close()


def test_keys_last(tmp_path: Path) -> None:
    running = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    kms = running.client("kms")
    blob = kms.encrypt(KeyId=key(kms), Plaintext=b"x")["CiphertextBlob"]
    kms.close()
    running.stop()
    running = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    kms = running.client("kms")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.close()
    running.stop()
