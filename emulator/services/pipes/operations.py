"""Every operation of EventBridge Pipes."""

from __future__ import annotations

from emulator.services.pipes import pipes, tags
from emulator.services.service import Operation

OPERATIONS: dict[str, Operation] = {
    "CreatePipe": pipes.create_pipe,
    "DeletePipe": pipes.delete_pipe,
    "DescribePipe": pipes.describe_pipe,
    "ListPipes": pipes.list_pipes,
    "ListTagsForResource": tags.list_tags_for_resource,
    "StartPipe": pipes.start_pipe,
    "StopPipe": pipes.stop_pipe,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdatePipe": pipes.update_pipe,
}

UNSUPPORTED: dict[str, str] = {}
