"""Every operation of Kinesis: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.kinesis import (
    configuring,
    consumers,
    getting,
    lifecycle,
    putting,
    resharding,
)
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "AddTagsToStream": configuring.add_tags_to_stream,
    "CreateStream": lifecycle.create_stream,
    "DecreaseStreamRetentionPeriod": configuring.decrease_stream_retention_period,
    "DeleteResourcePolicy": configuring.delete_resource_policy,
    "DeleteStream": lifecycle.delete_stream,
    "DeregisterStreamConsumer": consumers.deregister_stream_consumer,
    "DescribeAccountSettings": lifecycle.describe_account_settings,
    "DescribeLimits": lifecycle.describe_limits,
    "DescribeStream": lifecycle.describe_stream,
    "DescribeStreamConsumer": consumers.describe_stream_consumer,
    "DescribeStreamSummary": lifecycle.describe_stream_summary,
    "DisableEnhancedMonitoring": configuring.disable_enhanced_monitoring,
    "EnableEnhancedMonitoring": configuring.enable_enhanced_monitoring,
    "GetRecords": getting.get_records,
    "GetResourcePolicy": configuring.get_resource_policy,
    "GetShardIterator": getting.get_shard_iterator,
    "IncreaseStreamRetentionPeriod": configuring.increase_stream_retention_period,
    "ListShards": getting.list_shards,
    "ListStreamConsumers": consumers.list_stream_consumers,
    "ListStreams": lifecycle.list_streams,
    "ListTagsForResource": configuring.list_tags_for_resource,
    "ListTagsForStream": configuring.list_tags_for_stream,
    "MergeShards": resharding.merge_shards,
    "PutRecord": putting.put_record,
    "PutRecords": putting.put_records,
    "PutResourcePolicy": configuring.put_resource_policy,
    "RegisterStreamConsumer": consumers.register_stream_consumer,
    "RemoveTagsFromStream": configuring.remove_tags_from_stream,
    "SplitShard": resharding.split_shard,
    "StartStreamEncryption": configuring.start_stream_encryption,
    "StopStreamEncryption": configuring.stop_stream_encryption,
    "SubscribeToShard": consumers.subscribe_to_shard,
    "TagResource": configuring.tag_resource,
    "UntagResource": configuring.untag_resource,
    "UpdateMaxRecordSize": configuring.update_max_record_size,
    "UpdateShardCount": resharding.update_shard_count,
    "UpdateStreamMode": configuring.update_stream_mode,
    "UpdateStreamRecordDistributionStrategy": (
        configuring.update_stream_record_distribution_strategy
    ),
    "UpdateStreamWarmThroughput": configuring.update_stream_warm_throughput,
}

UNSUPPORTED = (
    unsupported(
        """
        CreateChannel DeleteChannel DescribeChannel ListChannels UpdateChannel
        """,
        "localfaas does not serve {}: it delivers streams to no tables or buckets by channels.",
    )
    | unsupported(
        """
        AcknowledgeDeadLetterQueueRecords AcknowledgeQueueRecords CreateQueue DeleteQueue
        DescribeQueue ListQueues ReceiveDeadLetterQueueRecords ReceiveQueueRecords
        RestoreDeadLetterQueueRecords UpdateDeadLetterQueueRecordsVisibility UpdateQueue
        UpdateQueueRecordsVisibility
        """,
        "localfaas does not serve {}: it has no queues on streams.",
    )
    | unsupported(
        "UpdateAccountSettings",
        "localfaas does not serve {}: there is nothing to pay here.",
    )
)
