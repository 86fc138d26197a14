"""Every operation of S3: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    bucket_notifications,
    buckets,
    copying,
    deleting,
    documents,
    listing,
    multipart,
    object_documents,
    objects,
    owners,
    restoring,
)

_OWN: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "CopyObject": copying.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteObject": deleting.delete_object,
    "DeleteObjectTagging": object_documents.delete_object_tagging,
    "DeleteObjects": deleting.delete_objects,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketNotificationConfiguration": (
        bucket_notifications.get_bucket_notification_configuration
    ),
    "GetBucketVersioning": buckets.get_bucket_versioning,
    "GetObject": objects.get_object,
    "GetObjectAcl": object_documents.get_object_acl,
    "GetObjectAttributes": objects.get_object_attributes,
    "GetObjectLegalHold": object_documents.get_object_legal_hold,
    "GetObjectLockConfiguration": object_documents.get_object_lock_configuration,
    "GetObjectRetention": object_documents.get_object_retention,
    "GetObjectTagging": object_documents.get_object_tagging,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": multipart.list_multipart_uploads,
    "ListObjectVersions": listing.list_object_versions,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "PutBucketNotificationConfiguration": (
        bucket_notifications.put_bucket_notification_configuration
    ),
    "PutBucketVersioning": buckets.put_bucket_versioning,
    "PutObject": objects.put_object,
    "PutObjectAcl": object_documents.put_object_acl,
    "PutObjectLegalHold": object_documents.put_object_legal_hold,
    "PutObjectLockConfiguration": object_documents.put_object_lock_configuration,
    "PutObjectRetention": object_documents.put_object_retention,
    "PutObjectTagging": object_documents.put_object_tagging,
    "RestoreObject": restoring.restore_object,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
}
OPERATIONS = {
    name: owners.expected(handler)
    for name, handler in sorted({**_OWN, **documents.OPERATIONS}.items())
}

#: Why operations are not served, and which.
_REASONS = {
    "directory buckets are not served": "CreateSession ListDirectoryBuckets RenameObject",
    "tables of metadata are not served": """
        CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration
        DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration
        GetBucketMetadataConfiguration GetBucketMetadataTableConfiguration
        UpdateBucketMetadataAnnotationTableConfiguration
        UpdateBucketMetadataInventoryTableConfiguration
        UpdateBucketMetadataJournalTableConfiguration""",
    "annotations are not served": """
        DeleteObjectAnnotation GetObjectAnnotation ListObjectAnnotations PutObjectAnnotation""",
    "nobody is refused, by attributes neither": "GetBucketAbac PutBucketAbac",
    "the operation of today is the one with Configuration in its name": """
        GetBucketLifecycle GetBucketNotification PutBucketLifecycle PutBucketNotification""",
    "AWS serves it no more": "GetObjectTorrent",
    "it has no engine for queries": "SelectObjectContent",
    "object lambdas are not served": "WriteGetObjectResponse",
    "it encrypts nothing": "UpdateObjectEncryption",
}
UNSUPPORTED: dict[str, str] = {
    name: f"localfaas does not serve {name}: {reason}."
    for reason, names in _REASONS.items()
    for name in names.split()
}
