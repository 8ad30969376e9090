"""`tasks.py FOLDER URL`: a Celery worker with two processes, its broker a folder, and six tasks."""

import os
import subprocess
import sys

from celery import Celery

FOLDER, URL = sys.argv[1], sys.argv[2]
for name in ("queue", "control", "results"):
    os.makedirs(os.path.join(FOLDER, name), exist_ok=True)
app = Celery(
    "tasks",
    broker="filesystem://",
    backend=f"file://{FOLDER}/results",
    broker_transport_options={
        "data_folder_in": f"{FOLDER}/queue",
        "data_folder_out": f"{FOLDER}/queue",
        "control_folder": f"{FOLDER}/control",
    },
)


@app.task(name="fetch")
def fetch():
    import urllib3

    return urllib3.PoolManager().request("GET", URL).data.decode()


def main():
    worker = subprocess.Popen([sys.executable, *sys.argv, "worker"])
    results = [fetch.delay() for _ in range(6)]
    print(sorted(each.get(timeout=60) for each in results), flush=True)
    worker.terminate()
    print(worker.wait(60))


if __name__ == "__main__":
    if sys.argv[-1] == "worker":
        options = ["--without-gossip", "--without-mingle", "--loglevel=CRITICAL"]
        app.worker_main(["--quiet", "worker", "-P", "prefork", "-c", "2", *options])
    else:
        main()
