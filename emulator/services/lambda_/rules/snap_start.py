"""What SnapStart does not go with.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-supported-regions
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.invoke import tenancy
from emulator.model.function import FunctionVersion
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.rules import configuration

#: The most of /tmp that a snapshot holds, MB.
_TMP_MB = 512


def check(version: FunctionVersion) -> None:
    """Check the settings of a function that may have SnapStart.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if not configuration.snapshot_wanted(version):
        return
    tenancy.refuse(version, "SnapStart")
    if version.settings.get("FileSystemConfigs"):
        raise invalid("Amazon EFS is not supported for SnapStart enabled functions.")
    if version.ephemeral_storage_mb > _TMP_MB:
        raise invalid(
            f"Ephemeral storage greater than {_TMP_MB} MB is not supported for SnapStart enabled "
            "functions."
        )


def refuse_provisioned(versions: Iterable[FunctionVersion]) -> None:
    """Refuse provisioned concurrency for versions with SnapStart.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if any(version.snap_start for version in versions):
        raise invalid("Provisioned concurrency is not supported for SnapStart enabled functions.")
