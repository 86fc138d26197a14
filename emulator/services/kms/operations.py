"""Every operation of KMS: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.kms import aliases, keys, using
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "CancelKeyDeletion": keys.cancel_key_deletion,
    "CreateAlias": aliases.create_alias,
    "CreateGrant": aliases.create_grant,
    "CreateKey": keys.create_key,
    "Decrypt": using.decrypt,
    "DeleteAlias": aliases.delete_alias,
    "DeriveSharedSecret": using.derive_shared_secret,
    "DescribeKey": keys.describe_key,
    "DisableKey": keys.disable_key,
    "DisableKeyRotation": keys.disable_key_rotation,
    "EnableKey": keys.enable_key,
    "EnableKeyRotation": keys.enable_key_rotation,
    "Encrypt": using.encrypt,
    "GenerateDataKey": using.generate_data_key,
    "GenerateDataKeyPair": using.generate_data_key_pair,
    "GenerateDataKeyPairWithoutPlaintext": using.generate_data_key_pair_without_plaintext,
    "GenerateDataKeyWithoutPlaintext": using.generate_data_key_without_plaintext,
    "GenerateMac": using.generate_mac,
    "GenerateRandom": using.generate_random,
    "GetKeyPolicy": keys.get_key_policy,
    "GetKeyRotationStatus": keys.get_key_rotation_status,
    "GetPublicKey": using.get_public_key,
    "ListAliases": aliases.list_aliases,
    "ListGrants": aliases.list_grants,
    "ListKeyPolicies": keys.list_key_policies,
    "ListKeyRotations": keys.list_key_rotations,
    "ListKeys": keys.list_keys,
    "ListResourceTags": keys.list_resource_tags,
    "ListRetirableGrants": aliases.list_retirable_grants,
    "PutKeyPolicy": keys.put_key_policy,
    "ReEncrypt": using.re_encrypt,
    "RetireGrant": aliases.retire_grant,
    "RevokeGrant": aliases.revoke_grant,
    "RotateKeyOnDemand": keys.rotate_key_on_demand,
    "ScheduleKeyDeletion": keys.schedule_key_deletion,
    "Sign": using.sign,
    "TagResource": keys.tag_resource,
    "UntagResource": keys.untag_resource,
    "UpdateAlias": aliases.update_alias,
    "UpdateKeyDescription": keys.update_key_description,
    "Verify": using.verify,
    "VerifyMac": using.verify_mac,
}

UNSUPPORTED = (
    unsupported(
        """
        ConnectCustomKeyStore CreateCustomKeyStore DeleteCustomKeyStore DescribeCustomKeyStores
        DisconnectCustomKeyStore UpdateCustomKeyStore
        """,
        "localfaas does not serve {}: it has no key stores but its own.",
    )
    | unsupported(
        "DeleteImportedKeyMaterial GetParametersForImport ImportKeyMaterial",
        "localfaas does not serve {}: it makes the material of its keys itself.",
    )
    | unsupported(
        "ReplicateKey UpdatePrimaryRegion",
        "localfaas does not serve {}: it has no keys of several regions.",
    )
    | unsupported(
        "Decapsulate Encapsulate",
        "localfaas does not serve {}: it has no keys that encapsulate.",
    )
    | unsupported("GetKeyLastUsage", "localfaas does not serve {}: uses are not recorded.")
)
