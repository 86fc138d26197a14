"""The emulator is killed while metrics are put and alarms change: what was acknowledged is there.

The seed is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import os
import random
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

WRITERS = 4


class Writer(threading.Thread):
    """Puts values until the emulator is gone; knows what was acknowledged.

    Attributes:
        put: The sum of the values that were acknowledged; one more may have been kept.
        alarms: States of alarms that were acknowledged.
    """

    def __init__(self, client: Any, metric: str) -> None:
        super().__init__(daemon=True)
        self.client, self.metric = client, metric
        self.put = 0
        self.alarms: dict[str, str] = {}

    def run(self) -> None:
        try:
            while True:
                datum = {"MetricName": self.metric, "Value": 1}
                self.client.put_metric_data(Namespace="Kills", MetricData=[datum])
                self.put += 1
                if self.put % 3 == 0:
                    self.make_alarm(f"{self.metric}-{time.time_ns()}")
        except (BotoCoreError, ClientError, OSError):
            return

    def make_alarm(self, name: str) -> None:
        self.client.put_metric_alarm(
            AlarmName=name,
            Namespace="Kills",
            MetricName="never",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        self.alarms[name] = "INSUFFICIENT_DATA"
        self.client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
        self.alarms[name] = "ALARM"


def _put(writers: list[Writer], least: int) -> bool:
    return sum(each.put for each in writers) >= least and any(each.alarms for each in writers)


def _sum(client: Any, name: str, since: float) -> float:
    answer = client.get_metric_statistics(
        Namespace="Kills",
        MetricName=name,
        StartTime=since - 120,
        EndTime=time.time() + 120,
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(each["Sum"] for each in answer["Datapoints"]))


@pytest.mark.slow
@kills(few=4)
def test_nothing_acknowledged_is_lost(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED") or random.randrange(2**32))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    began = time.time()
    expected: dict[str, list[float]] = {f"w{n}": [0.0, 0.0] for n in range(WRITERS)}
    alarms: dict[str, str] = {}
    emulator = Emulator(tmp_path)
    for _ in range(kills):
        writers = [Writer(emulator.client("cloudwatch"), name) for name in expected]
        for writer in writers:
            writer.start()
        least = choice.randrange(10, 200)
        until(partial(_put, writers, least))
        emulator.kill()
        for writer in writers:
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
            expected[writer.metric][0] += writer.put
            # Its last request may have been kept without an answer.
            expected[writer.metric][1] += writer.put + 1
            alarms |= writer.alarms
        emulator = Emulator(tmp_path)
        _check(emulator.client("cloudwatch"), expected, alarms, began)
    assert sum(least for least, _ in expected.values()) > kills
    assert alarms
    emulator.kill()


def _check(
    client: Any, expected: dict[str, list[float]], alarms: dict[str, str], began: float
) -> None:
    for name, (least, most) in expected.items():
        assert least <= _sum(client, name, began) <= most, name
    pages = client.get_paginator("describe_alarms").paginate()
    there = {
        each["AlarmName"]: each["StateValue"] for page in pages for each in page["MetricAlarms"]
    }
    for name, state in alarms.items():
        # What was asked for last may have been done without an answer.
        assert there[name] in (state, "ALARM"), name
