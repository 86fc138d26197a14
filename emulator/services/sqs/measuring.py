"""The metrics of AWS/SQS: what goes through queues, and what is in them when somebody asks.

AWS's queues tell their lengths once a minute. Here they are looked at when it matters, so that
queues cost nothing where nobody watches them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from emulator.queues.flow import Flow, Passed
from emulator.services.sqs.queues import Sqs, SqsQueue
from emulator.telemetry.metrics.aggregate import Aggregate
from emulator.telemetry.metrics.own import OwnMetrics

NAMESPACE = "AWS/SQS"
_QUEUE = "QueueName"
#: Seconds before now that a length counts for: an alarm that is looked at a second after a minute's
#: end asks for that minute.
_BEFORE_S = 5.0
#: Queues that are looked at where no single one is meant.
_MOST = 1000


class Measuring:
    """Measures all queues.

    Args:
        sqs: The queues, which tell of each that is opened.
        own: Where metrics go.
    """

    def __init__(self, sqs: Sqs, own: OwnMetrics) -> None:
        self._sqs, self._own = sqs, own
        sqs.on_opened.append(self._measure)
        own.sources.append(self._tell)
        own.gauges[NAMESPACE] = self.read

    def _measure(self, queue: SqsQueue) -> None:
        def over(passed: Passed) -> None:
            self._record(queue, passed)

        queue.queue.measure(Flow(self._sqs.engine.clock, self._own.begin, over))

    def _tell(self) -> None:
        for queue in self._sqs.all():
            queue.queue.end_minute()

    def _record(self, queue: SqsQueue, passed: Passed) -> None:
        counts = {
            "NumberOfMessagesSent": passed.sent,
            "NumberOfMessagesReceived": passed.received,
            "NumberOfMessagesDeleted": passed.deleted,
            "NumberOfEmptyReceives": passed.empty_receives,
        }
        for name, count in counts.items():
            if count:
                self._add(queue, name, Aggregate.of(float(count)), "Count", passed.at)
        if passed.sent:
            sizes = Aggregate()
            sizes.add_set(
                passed.sent, passed.sent_bytes, float(passed.least_bytes), float(passed.most_bytes)
            )
            self._add(queue, "SentMessageSize", sizes, "Bytes", passed.at)

    def _add(self, queue: SqsQueue, name: str, values: Aggregate, unit: str, at: float) -> None:
        self._own.add(
            queue.account,
            queue.region,
            NAMESPACE,
            name,
            ((_QUEUE, queue.name),),
            values,
            unit=unit,
            at=at,
        )

    async def read(self, account: str, region: str, dimensions: Mapping[str, str] | None) -> None:
        """Record how many messages wait in queues, and for how long.

        Args:
            account: Whose queues.
            region: Where.
            dimensions: Of one queue; None: of all.
        """
        if dimensions is None:
            queues = list(islice(self._sqs.of(account, region), _MOST))
        else:
            found = self._sqs.find(account, region, dimensions.get(_QUEUE, ""))
            queues = [] if found is None else [found]
        now = self._sqs.engine.clock.now()
        for queue in queues:
            counts = queue.queue.counts()
            oldest = await queue.queue.oldest()
            for name, value, unit in (
                ("ApproximateNumberOfMessagesVisible", counts.visible, "Count"),
                ("ApproximateNumberOfMessagesNotVisible", counts.in_flight, "Count"),
                ("ApproximateNumberOfMessagesDelayed", counts.delayed, "Count"),
                (
                    "ApproximateAgeOfOldestMessage",
                    0 if oldest is None else int(now - oldest),
                    "Seconds",
                ),
            ):
                values = Aggregate.of(float(value))
                self._add(queue, name, values, unit, now - _BEFORE_S)
