"""Operations on a stream's settings, tags and policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors
from emulator.services.kinesis.lifecycle import MOST_TAGS
from emulator.services.kinesis.naming import existing, place_of_arn, stream_of
from emulator.services.kinesis.state import Consumer, of
from emulator.services.kinesis.streams import Stream

_METRICS = (
    "IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "OutgoingBytes",
    "OutgoingRecords", "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
)  # fmt: skip
#: Hours for which records are kept.
_SHORTEST, _LONGEST = 24, 8760
_PAGE = 50
#: Keys and values of tags.
_TAG = re.compile(r"[\u00C0-\u1FFF\u2C00-\uD7FF\w./\-=+ @%:]*")


async def increase_stream_retention_period(ctx: Context, request: Request) -> Response:
    """Serve IncreaseStreamRetentionPeriod.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_IncreaseStreamRetentionPeriod.html
    """
    stream, hours = stream_of(ctx, request), request["RetentionPeriodHours"]
    now = stream.body["retention_hours"]
    _check_hours(hours)
    if hours < now:
        raise errors.invalid(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be "
            f"shorter than existing retention period ({now} hours). Use "
            "DecreaseRetentionPeriod API."
        )
    await of(ctx).change(stream, retention_hours=hours)
    return {}


async def decrease_stream_retention_period(ctx: Context, request: Request) -> Response:
    """Serve DecreaseStreamRetentionPeriod.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DecreaseStreamRetentionPeriod.html
    """
    stream, hours = stream_of(ctx, request), request["RetentionPeriodHours"]
    now = stream.body["retention_hours"]
    _check_hours(hours)
    if hours > now:
        raise errors.invalid(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be "
            f"longer than existing retention period ({now} hours). Use "
            "IncreaseRetentionPeriod API."
        )
    await of(ctx).change(stream, retention_hours=hours)
    await of(ctx).trim()
    return {}


def _check_hours(hours: int) -> None:
    if hours < _SHORTEST:
        raise errors.invalid(
            f"Minimum allowed retention period is {_SHORTEST} hours. Requested retention period "
            f"({hours} hours) is too short."
        )
    if hours > _LONGEST:
        raise errors.invalid(
            f"Maximum allowed retention period is {_LONGEST} hours. Requested retention period "
            f"({hours} hours) is too long."
        )


async def enable_enhanced_monitoring(ctx: Context, request: Request) -> Response:
    """Serve EnableEnhancedMonitoring; what it asks for is kept and shown.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_EnableEnhancedMonitoring.html
    """
    return await _monitor(ctx, request, lambda now, asked: now | asked)


async def disable_enhanced_monitoring(ctx: Context, request: Request) -> Response:
    """Serve DisableEnhancedMonitoring.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DisableEnhancedMonitoring.html
    """
    return await _monitor(ctx, request, lambda now, asked: now - asked)


async def _monitor(ctx: Context, request: Request, change: Any) -> Response:
    stream = stream_of(ctx, request)
    asked = set(request["ShardLevelMetrics"])
    asked = set(_METRICS) if "ALL" in asked else asked
    before = stream.body["monitoring"]
    after = sorted(change(set(before), asked))
    await of(ctx).change(stream, monitoring=after)
    return {
        "StreamName": stream.name,
        "CurrentShardLevelMetrics": before,
        "DesiredShardLevelMetrics": after,
        "StreamARN": stream.arn,
    }


async def start_stream_encryption(ctx: Context, request: Request) -> Response:
    """Serve StartStreamEncryption; the key is kept and shown, and nothing is encrypted.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html
    """
    stream = stream_of(ctx, request)
    if request["EncryptionType"] != "KMS":
        raise errors.invalid("EncryptionType must be KMS.")
    await of(ctx).change(stream, key=request["KeyId"])
    return {}


async def stop_stream_encryption(ctx: Context, request: Request) -> Response:
    """Serve StopStreamEncryption.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StopStreamEncryption.html
    """
    await of(ctx).change(stream_of(ctx, request), key=None)
    return {}


async def update_stream_mode(ctx: Context, request: Request) -> Response:
    """Serve UpdateStreamMode.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamMode.html
    """
    stream = stream_of(ctx, request)
    changes: dict[str, Any] = {"mode": request["StreamModeDetails"]["StreamMode"]}
    if request.get("WarmThroughputMiBps") is not None:
        changes["warm"] = request["WarmThroughputMiBps"]
    await of(ctx).change(stream, **changes)
    return {}


async def update_max_record_size(ctx: Context, request: Request) -> Response:
    """Serve UpdateMaxRecordSize.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html
    """
    await of(ctx).change(stream_of(ctx, request), record_kib=request["MaxRecordSizeInKiB"])
    return {}


async def update_stream_record_distribution_strategy(ctx: Context, request: Request) -> Response:
    """Serve UpdateStreamRecordDistributionStrategy.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/
    """
    stream, wanted = stream_of(ctx, request), request["RecordDistributionStrategy"]
    await of(ctx).change(stream, distribution=wanted)
    return {}


async def update_stream_warm_throughput(ctx: Context, request: Request) -> Response:
    """Serve UpdateStreamWarmThroughput; it is kept and shown.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamWarmThroughput.html
    """
    stream, wanted = stream_of(ctx, request), request["WarmThroughputMiBps"]
    if not stream.is_on_demand:
        raise errors.violated(
            f"Request is invalid. Stream {stream.name} under account {stream.place.account} is not "
            "in On-Demand mode."
        )
    await of(ctx).change(stream, warm=wanted)
    shown = {"TargetMiBps": wanted, "CurrentMiBps": wanted}
    return {"StreamARN": stream.arn, "StreamName": stream.name, "WarmThroughput": shown}


# -- tags ---------------------------------------------------------------------------------------


async def add_tags_to_stream(ctx: Context, request: Request) -> Response:
    """Serve AddTagsToStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_AddTagsToStream.html
    """
    stream, tags = stream_of(ctx, request), request["Tags"]
    _check_characters(stream, (*tags, *tags.values()), "add tags to")
    if len({**stream.body["tags"], **tags}) > MOST_TAGS:
        raise errors.invalid(
            f"Failed to add tags to stream {stream.name} under account {stream.place.account} "
            f"because a given stream cannot have more than {MOST_TAGS} tags associated with it."
        )
    await _tag(ctx, stream, tags, ())
    return {}


async def remove_tags_from_stream(ctx: Context, request: Request) -> Response:
    """Serve RemoveTagsFromStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RemoveTagsFromStream.html
    """
    stream, keys = stream_of(ctx, request), request["TagKeys"]
    _check_characters(stream, keys, "remove tags from")
    await _tag(ctx, stream, {}, keys)
    return {}


def _check_characters(stream: Stream, texts: Iterable[str], what: str) -> None:
    """Refuse tags with characters that they can't have."""
    every = list(texts)
    if not all(map(_TAG.fullmatch, every)):
        raise errors.invalid(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, "
            "white space, _ . / = + - % @."
        )
    if any("%" in text for text in every):
        raise errors.invalid(
            f"Failed to {what} stream {stream.name} under account {stream.place.account} because "
            "some tags contained illegal characters. The allowed characters are Unicode letters, "
            "white-spaces, '_',',','/','=','+','-','@'."
        )


async def list_tags_for_stream(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListTagsForStream.html
    """
    tags = stream_of(ctx, request).body["tags"]
    after = request.get("ExclusiveStartTagKey") or ""
    keys = [key for key in sorted(tags) if key > after]
    limit = request.get("Limit") or _PAGE
    shown = [{"Key": key, "Value": tags[key]} for key in keys[:limit]]
    return {"Tags": shown, "HasMoreTags": len(keys) > limit}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_TagResource.html
    """
    await _tag(ctx, _resource(ctx, request), request["Tags"], ())
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UntagResource.html
    """
    await _tag(ctx, _resource(ctx, request), {}, request["TagKeys"])
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForResource.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListTagsForResource.html
    """
    tags = _resource(ctx, request).body["tags"]
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


async def _tag(
    ctx: Context, owner: Stream | Consumer, more: Mapping[str, str], gone: Iterable[str]
) -> None:
    tags = {**owner.body["tags"], **more}
    for key in gone:
        tags.pop(key, None)
    if len(tags) > MOST_TAGS:
        raise errors.invalid(f"A resource has at most {MOST_TAGS} tags.")
    await _change(ctx, owner, tags=tags)


# -- policies -----------------------------------------------------------------------------------


async def put_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve PutResourcePolicy; the policy is kept and shown, and refuses nobody.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutResourcePolicy.html
    """
    owner = _resource(ctx, request)
    try:
        policy = json.loads(request["Policy"])
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or not policy.get("Statement"):
        raise errors.invalid("Policy is not a valid JSON policy document.")
    await _change(ctx, owner, policy=request["Policy"])
    return {}


async def get_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve GetResourcePolicy.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetResourcePolicy.html
    """
    return {"Policy": _resource(ctx, request).body["policy"] or "{}"}


async def delete_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteResourcePolicy.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteResourcePolicy.html
    """
    owner = _resource(ctx, request)
    if owner.body["policy"] is None:
        raise AwsError(
            "ResourceNotFoundException", f"Policy not found for resource {request['ResourceARN']}"
        )
    await _change(ctx, owner, policy=None)
    return {}


async def _change(ctx: Context, owner: Stream | Consumer, **changes: Any) -> None:
    if isinstance(owner, Stream):
        await of(ctx).change(owner, **changes)
    else:
        await of(ctx).put_consumer(owner, **changes)


def _resource(ctx: Context, request: Request) -> Stream | Consumer:
    """Return the stream or consumer that ResourceARN means.

    Raises:
        AwsError: There is none.
    """
    arn = request["ResourceARN"]
    place = place_of_arn(arn)
    if place is not None:
        return existing(of(ctx), place)
    consumer = of(ctx).consumers.get(arn)
    if consumer is None:
        raise errors.no_consumer(arn)
    return consumer
