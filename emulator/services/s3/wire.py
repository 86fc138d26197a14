"""Where S3 answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.s3 import DEVIATIONS

__all__ = ["DEVIATIONS"]
