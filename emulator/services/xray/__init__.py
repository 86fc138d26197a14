"""X-Ray: traces as its API has them; :mod:`emulator.telemetry.traces` keeps them."""
