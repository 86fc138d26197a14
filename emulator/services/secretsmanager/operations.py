"""Every operation of Secrets Manager: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.secretsmanager import listing, passwords, rotation, secrets, values
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "BatchGetSecretValue": values.batch_get_secret_value,
    "CancelRotateSecret": rotation.cancel_rotate_secret,
    "CreateSecret": secrets.create_secret,
    "DeleteResourcePolicy": secrets.delete_resource_policy,
    "DeleteSecret": secrets.delete_secret,
    "DescribeSecret": secrets.describe_secret,
    "GetRandomPassword": passwords.get_random_password,
    "GetResourcePolicy": secrets.get_resource_policy,
    "GetSecretValue": values.get_secret_value,
    "ListSecretVersionIds": values.list_secret_version_ids,
    "ListSecrets": listing.list_secrets,
    "PutResourcePolicy": secrets.put_resource_policy,
    "PutSecretValue": values.put_secret_value,
    "RestoreSecret": secrets.restore_secret,
    "RotateSecret": rotation.rotate_secret,
    "TagResource": secrets.tag_resource,
    "UntagResource": secrets.untag_resource,
    "UpdateSecret": secrets.update_secret,
    "UpdateSecretVersionStage": values.update_secret_version_stage,
    "ValidateResourcePolicy": secrets.validate_resource_policy,
}

UNSUPPORTED = {
    **unsupported(
        """
        AssociateCrossAccountReplica DisassociateCrossAccountReplica RemoveRegionsFromReplication
        ReplicateSecretToRegions StopReplicationToReplica
        """,
        "localfaas does not serve {}: each region has secrets of its own.",
    ),
    **unsupported(
        "ListResourcePolicies",
        "localfaas does not serve {}: a secret has one policy, which GetResourcePolicy returns.",
    ),
}
