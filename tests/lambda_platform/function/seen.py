"""A function that tells what the platform gave it; it needs no packages."""

import os
import time


def about(event, context):
    """What is seen from inside."""
    event = event or {}
    time.sleep(event.get("sleep", 0))
    if "exit" in event:
        os._exit(event["exit"])
    return {
        "environment": dict(os.environ),
        "request_id": context.aws_request_id,
        "at": time.monotonic(),
    }
