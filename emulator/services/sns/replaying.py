"""Replays of a FIFO topic's archive to a subscription.

https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.model.errors import LocalfaasError
from emulator.model.ids import new_request_id
from emulator.services.sns import arns, policies
from emulator.services.sns.archived import message_of
from emulator.services.sns.fanout import dispatches_of

if TYPE_CHECKING:
    from emulator.services.sns.subscription import Subscription, Topics
    from emulator.store.event_archive import Archived

log = logging.getLogger(__name__)

#: The state of a replay that goes on.
IN_PROGRESS = "In progress"
#: Messages of one commit.
_BATCH = 100
#: Seconds until a replay goes on that the disk has stopped.
_PAUSE_S = 5.0


async def begin(sns: Topics, subscription: Subscription) -> None:
    """Replay what a subscription's policy says; without one, what is being replayed ends."""
    policy = subscription.body["attributes"].get("ReplayPolicy")
    window = policies.replay_window(policy) if policy else None
    if window is None:
        await sns.put_subscription({**subscription.body, "replay": None})
        return
    state = {
        "state": IN_PROGRESS,
        "id": new_request_id(),
        "at": window[0],
        "number": 0,
        "ends": window[1],
    }
    await sns.put_subscription({**subscription.body, "replay": state})
    go_on(sns, subscription.arn)


def go_on(sns: Topics, arn: str) -> None:
    """Have a replay go on in the background, from where it was, unless it does."""
    if arn not in sns.replaying:
        sns.replaying.add(arn)
        task = sns.parts.spawn(_replay(sns, arn))
        task.add_done_callback(lambda _: sns.replaying.discard(arn))


async def _replay(sns: Topics, arn: str) -> None:
    """Send page after page, however long the disk takes or gives none."""
    while True:
        try:
            if not await _send_page(sns, arn):
                return
        except LocalfaasError as error:
            log.error("the replay to %s goes on in %g s: %s", arn, _PAUSE_S, error)
            await sns.parts.clock.sleep(_PAUSE_S)


async def _send_page(sns: Topics, arn: str) -> bool:
    """Send the next messages of a replay; return whether there may be more."""
    subscription = sns.subscription(arn)
    state = subscription.body.get("replay") if subscription else None
    if subscription is None or not state or state["state"] != IN_PROGRESS:
        return False
    topic = subscription.body["topic"]
    page = await sns.archive.after(topic, state["at"], state["number"], state["ends"], _BATCH)
    if page:
        await sns.outbox.accept(await _dispatches(sns, subscription, page), ordered=True)
        following = {**state, "at": page[-1].at, "number": page[-1].number}
    else:
        following = {**state, "state": "Completed"}
    now = sns.subscription(arn)
    if now is not None and now.body.get("replay") is state:
        await sns.put_subscription({**now.body, "replay": following})
    return True


async def _dispatches(
    sns: Topics, subscription: Subscription, page: Sequence[Archived]
) -> list[Dispatch]:
    found: list[Dispatch] = []
    topic = sns.topic(arns.split(subscription.body["topic"], "TopicArn"))
    if topic is None:
        return found
    replay = subscription.body["replay"].get("id", "")
    for each in page:
        # A queue must not take it for a repetition of what it was sent before this replay; but
        # what is sent again because a restart came in between is one.
        known_by = hashlib.sha256(f"{replay} {subscription.arn} {each.number}".encode())
        again = replace(message_of(each.text), replayed=True, deduplication=known_by.hexdigest())
        found += await dispatches_of(sns, topic, again, only=subscription)
    return found
