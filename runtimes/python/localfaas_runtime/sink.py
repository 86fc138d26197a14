"""Where the runtime's own log lines go: to a descriptor of its own, past the user's streams."""

from __future__ import annotations

import os
import time

_STANDARD_OUTPUT = 1
#: The descriptor AWS's runtimes log on.
_OWN = 62
_DEFAULT_FRAME = 0xA55A0003


class LinesSink:
    """Lines of text on the standard output: inside one event, lines end with carriage returns."""

    LINE_END, END = "\r", "\n"

    def __init__(self, fd: int = _STANDARD_OUTPUT) -> None:
        self._fd = fd

    def log(self, msg: str, frame_type: int | None = None) -> None:
        """Write ``msg`` as it is.

        Raises UnicodeEncodeError where it can't be had in UTF-8, as AWS's client does.
        """
        self._write(self._packed(msg.encode("utf-8"), frame_type))

    def log_error(self, message_lines: list[str], frame_type: int | None = None) -> None:
        """Write an error as one event, whatever its text holds."""
        text = self.LINE_END.join(message_lines) + self.END
        self._write(self._packed(text.encode("utf-8", "backslashreplace"), frame_type))

    def _packed(self, data: bytes, frame_type: int | None) -> bytes:
        return data

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                if self._fd == _STANDARD_OUTPUT:
                    return
                # User code has closed what it did not open.
                self._fd = _STANDARD_OUTPUT


class FramesSink(LinesSink):
    """Messages with their length, by AWS's framing: a message may hold line feeds."""

    LINE_END, END = "\n", ""

    def _packed(self, data: bytes, frame_type: int | None) -> bytes:
        head = (frame_type or _DEFAULT_FRAME).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        return head + (time.time_ns() // 1000).to_bytes(8, "big") + data


def opened() -> LinesSink:
    """Return the sink that the environment asks for."""
    fd = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    if fd is None:
        return LinesSink()
    if int(fd) != _OWN:
        # A copy: what user code does to its standard output does nothing to the log.
        os.dup2(int(fd), _OWN)
    os.set_inheritable(_OWN, False)
    return FramesSink(_OWN)
