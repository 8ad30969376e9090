"""`tools.py TOOL ORDER URL`: another tool patches this process, before or after conntrace does.

ORDER is `alone` (no conntrace, or only `conntrace run` around it), `agent first` or `tool first`.
"""

import contextlib
import os
import socket
import sys
import urllib.request

TOOL, ORDER, URL = sys.argv[1:4]


def gevent():
    from gevent import monkey

    monkey.patch_all()


def eventlet():
    import warnings

    warnings.simplefilter("ignore")
    import eventlet as library

    library.monkey_patch()


def sentry():
    import sentry_sdk
    from sentry_sdk.integrations.socket import SocketIntegration
    from sentry_sdk.transport import Transport

    class Nowhere(Transport):
        def capture_envelope(self, envelope):
            pass

    sentry_sdk.init(
        "http://key@127.0.0.1:9/1",
        transport=Nowhere,
        traces_sample_rate=1.0,
        integrations=[SocketIntegration()],
    )


def datadog():
    import ddtrace.auto  # noqa: F401


def new_relic():
    import newrelic.agent

    newrelic.agent.initialize()


def elastic():
    import elasticapm

    elasticapm.instrument()


def xray():
    from aws_xray_sdk import core

    core.xray_recorder.configure(context_missing="IGNORE_ERROR", sampling=False)
    core.patch(["httplib", "requests", "botocore"])


def truststore():
    import truststore as library

    library.inject_into_ssl()


def freezegun():
    import freezegun as library

    library.freeze_time("2001-02-03").start()


def opentelemetry():
    from opentelemetry import trace
    from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    for instrumentor in (BotocoreInstrumentor, RequestsInstrumentor, URLLib3Instrumentor):
        instrumentor().instrument()


def work():
    import threading

    import requests
    import urllib3

    pool = urllib3.PoolManager()
    print([pool.request("GET", URL).data for _ in range(3)])
    with requests.Session() as session:
        print([session.get(URL).content for _ in range(2)])
    print(urllib.request.urlopen(URL).read())
    print(sorted({entry[4][0] for entry in socket.getaddrinfo("localhost", 80, socket.AF_INET)}))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(pool.request("GET", URL).data))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(answers)
    try:
        pool.request("GET", "http://127.0.0.1:1/", retries=False)
    except urllib3.exceptions.HTTPError as error:
        print(type(error).__name__)


def main():
    tool = globals()[TOOL]
    if ORDER == "alone":
        tool()
        work()
        return
    from conntrace.testing import capture

    with contextlib.ExitStack() as stack:
        if ORDER == "tool first":
            tool()
        spans = stack.enter_context(capture())
        if ORDER == "agent first":
            tool()
        work()
    assert len(spans.setups) >= 3, spans


main()
sys.stdout.flush()
# Some of these tools keep threads that wait for a back end which is not there.
os._exit(0)
