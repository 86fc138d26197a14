"""Every operation of the SQS service model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from emulator.services.sqs import lifecycle, move_tasks, permissions, receiving, sending, tags
from emulator.services.sqs.context import Wire

# Operations need context.SqsContext of their context.
Operation = Callable[[Any, Wire], Awaitable[Wire]]

OPERATIONS: dict[str, Operation] = {
    "AddPermission": permissions.add_permission,
    "CancelMessageMoveTask": move_tasks.cancel_message_move_task,
    "ChangeMessageVisibility": receiving.change_message_visibility,
    "ChangeMessageVisibilityBatch": receiving.change_message_visibility_batch,
    "CreateQueue": lifecycle.create_queue,
    "DeleteMessage": receiving.delete_message,
    "DeleteMessageBatch": receiving.delete_message_batch,
    "DeleteQueue": lifecycle.delete_queue,
    "GetQueueAttributes": lifecycle.get_queue_attributes,
    "GetQueueUrl": lifecycle.get_queue_url,
    "ListDeadLetterSourceQueues": lifecycle.list_dead_letter_source_queues,
    "ListMessageMoveTasks": move_tasks.list_message_move_tasks,
    "ListQueueTags": tags.list_queue_tags,
    "ListQueues": lifecycle.list_queues,
    "PurgeQueue": lifecycle.purge_queue,
    "ReceiveMessage": receiving.receive_message,
    "RemovePermission": permissions.remove_permission,
    "SendMessage": sending.send_message,
    "SendMessageBatch": sending.send_message_batch,
    "SetQueueAttributes": lifecycle.set_queue_attributes,
    "StartMessageMoveTask": move_tasks.start_message_move_task,
    "TagQueue": tags.tag_queue,
    "UntagQueue": tags.untag_queue,
}

#: The error texts of operations that are not served.
UNSUPPORTED: dict[str, str] = {}
