"""A function that tells how it was started."""

import sys
from typing import Any


def handle(event: Any, context: Any) -> Any:
    recorder = sys.modules.get("conntrace.traced.recorder")
    running = recorder and recorder.running
    return {
        "traced": running is not None,
        "client": any(place.startswith("awslambdaric") for place in running.places())
        if running
        else False,
        "path": sys.path,
        "argv": sys.argv,
        "main": sys.modules["__main__"].__file__,
        "names": sorted(vars(sys.modules["__main__"])),
    }
