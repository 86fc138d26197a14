"""What X-Ray's operations are called in policies, and which of them the daemon asks.

As in Lambda's own sandbox, the daemon knows nobody: whoever reaches its port may send segments, and
its clients do not sign. On AWS it signs what it passes on; here it is localfaas itself. So what its
clients ask it for needs no signature, while PutTraceSegments, which it has no use for, does.

https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon.html
"""

from __future__ import annotations

from emulator.services.authorization import Rules

RULES = Rules(prefix="xray", unsigned=frozenset({"GetSamplingRules", "GetSamplingTargets"}))
