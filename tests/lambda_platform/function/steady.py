"""One request for each invocation, and how much memory the environment's processes hold."""

import os

import urllib3

client = urllib3.PoolManager()


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def extension():
    """The extension is another process of this environment: same Runtime API, other program."""
    mine = os.environ["AWS_LAMBDA_RUNTIME_API"].encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with (
                open(f"/proc/{pid}/cmdline", "rb") as cmdline,
                open(f"/proc/{pid}/environ", "rb") as env,
            ):
                if b"extension" in cmdline.read() and mine in env.read():
                    return int(pid)
        except OSError:
            continue
    return 0


EXTENSION = []


def handler(event, context):
    answer = client.request("GET", os.environ["SHOP_URL"]).data.decode()
    if not EXTENSION:
        EXTENSION.append(extension())
    kept = {"function": resident_kb("self"), "extension": resident_kb(EXTENSION[0])}
    return {"answer": answer, "resident_kb": kept}
