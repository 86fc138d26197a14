"""Kinesis's errors, in its words."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(text: str) -> AwsError:
    """Return InvalidArgumentException."""
    return AwsError("InvalidArgumentException", text)


def violated(text: str) -> AwsError:
    """Return ValidationException."""
    return AwsError("ValidationException", text)


def no_stream(name: str, account: str) -> AwsError:
    """Return the error for a stream that is not there."""
    return AwsError(
        "ResourceNotFoundException", f"Stream {name} under account {account} not found."
    )


def no_shard(shard: str, name: str, account: str) -> AwsError:
    """Return the error for a shard that is not there."""
    return AwsError(
        "ResourceNotFoundException",
        f"Could not find shard {shard} in stream {name} under account {account}.",
    )


def no_consumer(consumer: str) -> AwsError:
    """Return the error for a consumer that is not there."""
    return AwsError("ResourceNotFoundException", f"Consumer {consumer} not found.")


def in_use(text: str) -> AwsError:
    """Return ResourceInUseException."""
    return AwsError("ResourceInUseException", text)


def too_many(text: str) -> AwsError:
    """Return LimitExceededException."""
    return AwsError("LimitExceededException", text)


def throttled(shard: str, name: str, account: str) -> AwsError:
    """Return the error for a shard that has taken or given enough for this second."""
    return AwsError("ProvisionedThroughputExceededException", rate_text(shard, name, account))


def rate_text(shard: str, name: str, account: str) -> str:
    """Return the text of that error, which results of PutRecords have, too."""
    return f"Rate exceeded for shard {shard} in stream {name} under account {account}."


def dry_run() -> AwsError:
    """Return what a request with DryRun is answered that would have succeeded."""
    return AwsError(
        "DryRunOperationException", "Request would have succeeded, but DryRun flag is set."
    )
