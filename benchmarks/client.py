"""The program that is measured: `client.py PORT SETTLE_S PART`. Prints one JSON line.

It knows nothing of the tool it is started under, but that Sentry is set up in the program, when
SENTRY_DSN says so. SETTLE_S is how long after some work the tool may still be busy with it. PART
divides the number of requests.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator

import boto3
import requests
import urllib3
from botocore.config import Config

# What one transaction of Sentry's may hold; as in a web application, it is not all in one.
TOGETHER = 64
# The share of a core that the idle analyzer may take: it looks for events now and then.
QUIET_SHARE = 0.02
KEYS = {
    "aws_access_key_id": "x",
    "aws_secret_access_key": "x",  # nothing reads it
    "region_name": "eu-west-1",
}
ITEM = {"id": {"S": "7"}, "name": {"S": "kettle"}, "price": {"N": "12"}}


def _is_under_conntrace() -> bool:
    return "CONNTRACE_CHANNEL" in os.environ


def used_s() -> tuple[float, float]:
    """CPU seconds of this process with all its threads, and of conntrace's analyzer if any."""
    analyzer = 0.0
    if _is_under_conntrace():
        # The kernel's clock of another process, as clock_getcpuclockid() names it.
        analyzer = time.clock_gettime((~os.getppid() << 3) | 2)
    return time.process_time(), analyzer


def memory_mb(process: str) -> float:
    """The most that a process has had resident; getrusage() would count its parent's too."""
    with open(f"/proc/{process}/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def settle(seconds: float) -> None:
    """Wait until what works beside the program has done so."""
    time.sleep(seconds)
    before, now = -1.0, used_s()[1]
    while now - before > QUIET_SHARE * seconds:
        before = now
        if _is_under_conntrace():
            time.sleep(seconds)
        now = used_s()[1]


@contextlib.contextmanager
def transaction() -> Iterator[None]:
    """What Sentry makes spans below; nothing for others."""
    if "SENTRY_DSN" not in os.environ:
        yield
        return
    import sentry_sdk

    with sentry_sdk.start_transaction(op="benchmark", name="benchmark"):
        yield


def cpu_us(request: Callable[[], object], count: int, settle_s: float) -> tuple[float, float]:
    """CPU in microseconds of one request: this process, the analyzer."""
    for _ in range(TOGETHER):
        request()
    settle(settle_s)
    before = used_s()
    for _ in range(count // TOGETHER):
        with transaction():
            for _ in range(TOGETHER):
                request()
    settle(settle_s)
    after = used_s()
    own, analyzer = (
        (later - earlier) / count * 1e6 for earlier, later in zip(before, after, strict=True)
    )
    return own, analyzer


def sentry() -> None:
    """As Sentry's documentation has it, with the integration for sockets."""
    import sentry_sdk
    from sentry_sdk.integrations.socket import SocketIntegration

    sentry_sdk.init(traces_sample_rate=1.0, integrations=[SocketIntegration()])


def main() -> None:
    """Measure the first reply, requests on a kept connection, and those that need a new one."""
    port, settle_s, part = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    if "SENTRY_DSN" in os.environ:
        sentry()
    url, last_url = f"http://localhost:{port}/items?key=value", f"http://localhost:{port}/close"
    manager = urllib3.PoolManager()
    with transaction():
        manager.request("GET", url)
    first_reply_s, started = time.monotonic(), used_s()
    session = requests.Session()
    once = Config(retries={"total_max_attempts": 1})

    def table(endpoint: str) -> Callable[[], object]:
        client = boto3.client("dynamodb", endpoint_url=endpoint, config=once, **KEYS)
        return lambda: client.put_item(TableName="items", Item=ITEM)

    work: dict[str, tuple[Callable[[], object], int]] = {
        "urllib3_reused": (lambda: manager.request("GET", url), 2048),
        "urllib3_new": (lambda: manager.request("GET", last_url), 2048),
        "requests_reused": (lambda: session.get(url), 2048),
        "requests_new": (lambda: session.get(last_url), 1024),
        "boto3_reused": (table(f"http://localhost:{port}"), 1024),
        "boto3_new": (table(f"http://localhost:{port}/close"), 512),
    }
    counts = {name: max(TOGETHER, count // part) for name, (_, count) in work.items()}
    own = {"start_cpu": started[0] * 1e3}
    analyzer = {"start_cpu": started[1] * 1e3}
    for name, (request, _) in work.items():
        own[name], analyzer[name] = cpu_us(request, counts[name], settle_s)
    own["memory"] = memory_mb("self")
    analyzer["memory"] = memory_mb(str(os.getppid())) if _is_under_conntrace() else 0.0
    requested = 1 + sum(TOGETHER + count for count in counts.values())
    print(
        json.dumps(
            {
                "own": own,
                "analyzer": analyzer,
                "first_reply_s": first_reply_s,
                "requests": requested,
            }
        )
    )


if __name__ == "__main__":
    main()
