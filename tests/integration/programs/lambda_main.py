"""What the layer's launcher does, in short: start the agent, then AWS's runtime client."""

import os
import sys

from conntrace.traced import layer_start

STARTED = layer_start.start()
print("STARTED" if STARTED else "UNTOUCHED", file=sys.stderr)

if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    from awslambdaric.__main__ import main

    main(["awslambdaric", os.environ["_HANDLER"]])
