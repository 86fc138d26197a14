"""KMS's errors, in its words."""

from __future__ import annotations

from emulator.model.errors import AwsError


def not_found(text: str) -> AwsError:
    """Return NotFoundException."""
    return AwsError("NotFoundException", text)


def invalid(text: str) -> AwsError:
    """Return ValidationException."""
    return AwsError("ValidationException", text)


def invalid_state(text: str) -> AwsError:
    """Return KMSInvalidStateException."""
    return AwsError("KMSInvalidStateException", text)


def unsupported(text: str) -> AwsError:
    """Return UnsupportedOperationException."""
    return AwsError("UnsupportedOperationException", text)


def wrong_usage(arn: str, usage: str, operation: str) -> AwsError:
    """Return the error for a key that is for something else."""
    text = f"{arn} key usage is {usage} which is not valid for {operation}."
    return AwsError("InvalidKeyUsageException", text)


def bad_ciphertext() -> AwsError:
    """Return InvalidCiphertextException; AWS gives it no text."""
    return AwsError("InvalidCiphertextException", "")


def dry_run() -> AwsError:
    """Return what a request with DryRun is answered that would have succeeded."""
    return AwsError(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
