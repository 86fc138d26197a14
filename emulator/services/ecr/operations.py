"""Every operation of ECR: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.ecr import registry, repositories
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "BatchDeleteImage": registry.batch_delete_image,
    "BatchGetImage": registry.batch_get_image,
    "CreateRepository": repositories.create_repository,
    "DeleteLifecyclePolicy": repositories.delete_lifecycle_policy,
    "DeleteRegistryPolicy": registry.delete_registry_policy,
    "DeleteRepository": repositories.delete_repository,
    "DeleteRepositoryPolicy": repositories.delete_repository_policy,
    "DescribeImages": registry.describe_images,
    "DescribeRegistry": registry.describe_registry,
    "DescribeRepositories": repositories.describe_repositories,
    "GetAuthorizationToken": registry.get_authorization_token,
    "GetLifecyclePolicy": repositories.get_lifecycle_policy,
    "GetRegistryPolicy": registry.get_registry_policy,
    "GetRegistryScanningConfiguration": registry.get_registry_scanning_configuration,
    "GetRepositoryPolicy": repositories.get_repository_policy,
    "ListImages": registry.list_images,
    "ListTagsForResource": repositories.list_tags_for_resource,
    "PutImageScanningConfiguration": repositories.put_image_scanning_configuration,
    "PutImageTagMutability": repositories.put_image_tag_mutability,
    "PutLifecyclePolicy": repositories.put_lifecycle_policy,
    "PutRegistryPolicy": registry.put_registry_policy,
    "PutRegistryScanningConfiguration": registry.put_registry_scanning_configuration,
    "PutReplicationConfiguration": registry.put_replication_configuration,
    "SetRepositoryPolicy": repositories.set_repository_policy,
    "TagResource": repositories.tag_resource,
    "UntagResource": repositories.untag_resource,
}

UNSUPPORTED = {
    **unsupported(
        """
        BatchCheckLayerAvailability BatchGetRepositoryScanningConfiguration CompleteLayerUpload
        DescribeImageReplicationStatus DescribeImageScanFindings DescribeImageSigningStatus
        GetDownloadUrlForLayer GetLifecyclePolicyPreview InitiateLayerUpload ListImageReferrers
        PutImage StartImageScan StartLifecyclePolicyPreview UpdateImageStorageClass UploadLayerPart
        """,
        "localfaas does not serve {}: its repositories hold no images.",
    ),
    **unsupported(
        """
        CreatePullThroughCacheRule CreateRepositoryCreationTemplate DeletePullThroughCacheRule
        DeleteRepositoryCreationTemplate DeleteSigningConfiguration
        DeregisterPullTimeUpdateExclusion DescribePullThroughCacheRules
        DescribeReplicationBackfillResults DescribeRepositoryCreationTemplates GetAccountSetting
        GetSigningConfiguration ListPullTimeUpdateExclusions ListReplicationBackfills
        PutAccountSetting PutSigningConfiguration RegisterPullTimeUpdateExclusion
        StartReplicationBackfill StopReplicationBackfill UpdatePullThroughCacheRule
        UpdateRepositoryCreationTemplate ValidatePullThroughCacheRule
        """,
        "localfaas does not serve {}: it keeps repositories and their documents alone.",
    ),
}
