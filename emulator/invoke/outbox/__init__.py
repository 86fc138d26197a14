"""Events that have been accepted and are still on their way to targets.

A service that sends events to others (topics, buses, schedules, buckets) has an
:class:`~emulator.invoke.outbox.outbox.Outbox`. It accepts the deliveries of an event in one commit:
what queues of the engine can take is there at once, everything else waits in the outbox and is
tried until it is delivered, dead-lettered or dropped. Each ends in exactly one of these.
"""
