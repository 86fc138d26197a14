"""What goes over the socket between an emulator and the program that started it.

The emulator finds its end's number in the variable :data:`LAUNCHER`. It writes one line of JSON
when it can be called: its url, region and pid. When the other end closes, be it because that
program was killed, the emulator ends at once; after the byte :data:`DETACH` it goes on alone.
"""

from __future__ import annotations

#: The variable with the file descriptor of the emulator's end.
LAUNCHER = "LOCALFAAS_LAUNCHER_FD"
DETACH = b"d"
