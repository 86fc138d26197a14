"""More memory than MemorySize allows: the kernel ends the process, as on Lambda."""


def handler(event, context):
    block = b"x" * (event.get("megabytes", 700) * 1024 * 1024)
    return {"bytes": len(block)}
