"""Replays of a FIFO topic's archive to a subscription.

https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.model.errors import LocalfaasError
from emulator.model.ids import new_request_id
from emulator.services.sns import arns, policies
from emulator.services.sns.archived import message_of
from emulator.services.sns.envelope import Message
from emulator.services.sns.fanout import dispatches_of

if TYPE_CHECKING:
    from emulator.services.sns.state import Sns, Subscription

log = logging.getLogger(__name__)

#: Messages of one commit.
_BATCH = 100


async def begin(sns: Sns, subscription: Subscription) -> None:
    """Replay what a subscription's policy says; without one, what is being replayed ends."""
    policy = subscription.body["attributes"].get("ReplayPolicy")
    window = policies.replay_window(policy) if policy else None
    if window is None:
        await sns.put_subscription({**subscription.body, "replay": None})
        return
    state = {"state": "In progress", "at": window[0], "number": 0, "ends": window[1]}
    await sns.put_subscription({**subscription.body, "replay": state})
    go_on(sns, subscription.arn)


def go_on(sns: Sns, arn: str) -> None:
    """Have a replay go on in the background, from where it was, unless it does."""
    if arn not in sns.replaying:
        sns.replaying.add(arn)
        task = sns.parts.spawn(_replay(sns, arn))
        task.add_done_callback(lambda _: sns.replaying.discard(arn))


async def _replay(sns: Sns, arn: str) -> None:
    try:
        while (subscription := sns.subscription(arn)) is not None:
            state = subscription.body.get("replay")
            if not state or state["state"] != "In progress":
                return
            topic = subscription.body["topic"]
            batch = await sns.archive.after(
                topic, state["at"], state["number"], state["ends"], _BATCH
            )
            if batch:
                messages = (message_of(each.text) for each in batch)
                dispatches = await _dispatches(sns, subscription, messages)
                await sns.outbox.accept(dispatches, ordered=True)
                state = {**state, "at": batch[-1].at, "number": batch[-1].number}
            else:
                state = {**state, "state": "Completed"}
            now = sns.subscription(arn)
            if now is not None and now.body.get("replay") is subscription.body["replay"]:
                await sns.put_subscription({**now.body, "replay": state})
    except LocalfaasError as error:
        log.error("the replay to %s failed: %s", arn, error)


async def _dispatches(
    sns: Sns, subscription: Subscription, messages: Iterable[Message]
) -> list[Dispatch]:
    found: list[Dispatch] = []
    topic = sns.topic(arns.split(subscription.body["topic"], "TopicArn"))
    for each in messages:
        if topic is not None:
            # A queue must not take it for a repetition of what it was sent before.
            again = replace(each, replayed=True, deduplication=new_request_id())
            found += await dispatches_of(sns, topic, again, only=subscription)
    return found
