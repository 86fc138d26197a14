"""What the sweep changes of resource types: S3, DynamoDB, Kinesis and ECR."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import TAGS, Also, Ask, Case, Clients, policy, resource, said

_BUCKET = (
    "get_bucket_versioning get_bucket_cors get_bucket_ownership_controls get_public_access_block"
    " get_bucket_website get_bucket_encryption get_bucket_lifecycle_configuration"
    " get_bucket_notification_configuration get_bucket_logging get_bucket_tagging"
    " get_bucket_accelerate_configuration get_bucket_acl list_bucket_analytics_configurations"
    " list_bucket_inventory_configurations list_bucket_metrics_configurations"
    " list_bucket_intelligent_tiering_configurations"
)


def _read_bucket(clients: Clients, name: str) -> Any:
    s3 = clients("s3")
    return {each: said(s3, each, Bucket=name) for each in _BUCKET.split()}


def _read_table(clients: Clients, name: str) -> Any:
    client = clients("dynamodb")
    table = client.describe_table(TableName=name)["Table"]
    recovery = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return (
        {k: v for k, v in table.items() if not k.startswith("LatestStream")},
        client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
        client.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
        recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        client.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"],
        said(client, "get_resource_policy", ResourceArn=table["TableArn"]),
    )


def _read_stream(clients: Clients, name: str) -> Any:
    client = clients("kinesis")
    return (
        client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
        client.list_tags_for_stream(StreamName=name)["Tags"],
    )


def _read_repository(clients: Clients, name: str) -> Any:
    ecr = clients("ecr")
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return found, ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]


_STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/"


def _stream_policy(action: str, stream: str = "policed") -> dict[str, Any]:
    return policy(f"kinesis:{action}", on=f"{_STREAM}{stream}")


def _bucket_policy(action: str, bucket: str = "swept-policed") -> dict[str, Any]:
    return policy(action, on=f"arn:aws:s3:::{bucket}/*")


_REPLICA = {"Region": "us-east-1"}


CASES: dict[str, Case] = {
    "AWS::DynamoDB::GlobalTable": Case(
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "Replicas": [_REPLICA],
        },
        {
            "BillingMode": Also(
                BillingMode="PROVISIONED",
                WriteProvisionedThroughputSettings={
                    "WriteCapacityAutoScalingSettings": {
                        "MinCapacity": 3,
                        "MaxCapacity": 5,
                        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50},
                    }
                },
                Replicas=[
                    {**_REPLICA, "ReadProvisionedThroughputSettings": {"ReadCapacityUnits": 4}}
                ],
            ),
            "GlobalSecondaryIndexes": Also(
                AttributeDefinitions=[
                    {"AttributeName": "id", "AttributeType": "S"},
                    {"AttributeName": "other", "AttributeType": "S"},
                ],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "swept",
                        "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
            ),
            "ReadOnDemandThroughputSettings": Also(
                Replicas=[
                    {**_REPLICA, "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 8}}
                ]
            ),
            "Replicas": [
                {
                    **_REPLICA,
                    "ContributorInsightsSpecification": {"Enabled": True},
                    "DeletionProtectionEnabled": True,
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                    "ResourcePolicy": {"PolicyDocument": policy("dynamodb:GetItem")},
                    "TableClass": "STANDARD_INFREQUENT_ACCESS",
                    "Tags": TAGS,
                }
            ],
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
            "WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 7},
        },
        _read_table,
        # What was limited shows that it is not any more.
        left=frozenset({"OnDemandThroughput"}),
        replaces={
            "TableName": "other-swept",
        },
        unseen={
            "AttributeDefinitions": "with GlobalSecondaryIndexes",
            "KeySchema": "as a table's",
            "LocalSecondaryIndexes": "as a table's",
            "ReadProvisionedThroughputSettings": "with BillingMode",
            "WarmThroughput": "it is never made less",
            "WriteProvisionedThroughputSettings": "with BillingMode",
        },
    ),
    "AWS::Kinesis::ResourcePolicy": Case(
        {"ResourceArn": {"Fn::GetAtt": "S.Arn"}, "ResourcePolicy": _stream_policy("GetRecords")},
        {"ResourcePolicy": _stream_policy("GetShardIterator")},
        (Ask("kinesis", "get_resource_policy", {"ResourceARN": f"{_STREAM}policed"}, ("Policy",)),),
        {
            "S": resource("AWS::Kinesis::Stream", ShardCount=1, Name="policed"),
            "O": resource("AWS::Kinesis::Stream", ShardCount=1, Name="policed-other"),
        },
        replaces={
            "ResourceArn": Also(
                ResourceArn={"Fn::GetAtt": "O.Arn"},
                ResourcePolicy=_stream_policy("GetRecords", "policed-other"),
            )
        },
    ),
    "AWS::Kinesis::StreamConsumer": Case(
        {"ConsumerName": "swept", "StreamARN": {"Fn::GetAtt": "S.Arn"}},
        {},
        (Ask("kinesis", "describe_stream_consumer", {"ConsumerARN": "{R}"}),),
        {name: resource("AWS::Kinesis::Stream", ShardCount=1) for name in "SO"},
        replaces={
            "ConsumerName": "other",
            "StreamARN": {"Fn::GetAtt": "O.Arn"},
            "Tags": Also(ConsumerName="tagged", Tags=TAGS),
        },
    ),
    "AWS::S3::BucketPolicy": Case(
        {"Bucket": {"Ref": "B"}, "PolicyDocument": _bucket_policy("s3:GetObject")},
        {"PolicyDocument": _bucket_policy("s3:PutObject")},
        (Ask("s3", "get_bucket_policy", {"Bucket": "{B}"}),),
        {
            "B": resource("AWS::S3::Bucket", BucketName="swept-policed"),
            "C": resource("AWS::S3::Bucket", BucketName="swept-policed-2"),
        },
        replaces={
            "Bucket": Also(
                Bucket={"Ref": "C"},
                PolicyDocument=_bucket_policy("s3:GetObject", "swept-policed-2"),
            )
        },
    ),
    "AWS::S3::Bucket": Case(
        {},
        {
            "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
            "AnalyticsConfigurations": [{"Id": "a", "Prefix": "p/", "StorageClassAnalysis": {}}],
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
                ]
            },
            "CorsConfiguration": {
                "CorsRules": [
                    {
                        "AllowedMethods": ["GET"],
                        "AllowedOrigins": ["*"],
                        "ExposedHeaders": ["x"],
                        "Id": "i",
                        "MaxAge": 9,
                    }
                ]
            },
            "IntelligentTieringConfigurations": [
                {
                    "Id": "t",
                    "Status": "Enabled",
                    "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}],
                }
            ],
            "InventoryConfigurations": [
                {
                    "Id": "i",
                    "Enabled": True,
                    "Destination": {"BucketArn": "arn:aws:s3:::other", "Format": "CSV"},
                    "IncludedObjectVersions": "All",
                    "ScheduleFrequency": "Daily",
                }
            ],
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "r",
                        "Status": "Enabled",
                        "Prefix": "p/",
                        "TagFilters": TAGS,
                        "ExpirationInDays": 400,
                        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 40}],
                        "NoncurrentVersionTransitions": [
                            {"StorageClass": "GLACIER", "TransitionInDays": 50}
                        ],
                        "NoncurrentVersionExpiration": {
                            "NoncurrentDays": 90,
                            "NewerNoncurrentVersions": 2,
                        },
                    }
                ]
            },
            "LoggingConfiguration": {"LogFilePrefix": "log/"},
            "MetricsConfigurations": [{"Id": "m", "TagFilters": TAGS}],
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
            "Tags": TAGS,
            "VersioningConfiguration": {"Status": "Enabled"},
            "WebsiteConfiguration": {"IndexDocument": "index.html"},
        },
        _read_bucket,
        # A new bucket has them, without anybody's asking.
        left=frozenset({"get_bucket_ownership_controls", "get_public_access_block"}),
    ),
    "AWS::DynamoDB::Table": Case(
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
        {
            "ContributorInsightsSpecification": {"Enabled": True},
            "DeletionProtectionEnabled": True,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "ResourcePolicy": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                            "Action": "dynamodb:GetItem",
                            "Resource": "*",
                        }
                    ],
                }
            },
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "Tags": TAGS,
        },
        _read_table,
    ),
    "AWS::Kinesis::Stream": Case(
        {"ShardCount": 1},
        {
            "DesiredShardLevelMetrics": ["IncomingBytes"],
            "RetentionPeriodHours": 48,
            "StreamEncryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
            "Tags": TAGS,
        },
        _read_stream,
    ),
    "AWS::ECR::Repository": Case(
        {},
        {
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "ImageTagMutability": "IMMUTABLE",
            "Tags": TAGS,
        },
        _read_repository,
    ),
}
