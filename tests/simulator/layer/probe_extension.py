"""An external extension that prints what it sees, one JSON line each, and obeys PROBE_* variables.

PROBE_EVENTS: what to register for. PROBE_CRASH: `start`, `registered`, `INVOKE`: exit there.
PROBE_AFTER_S: seconds of work after each INVOKE. PROBE_ERROR: report an error at the first INVOKE.
PROBE_SHUTDOWN_S: seconds before it exits at SHUTDOWN. PROBE_TELEMETRY: types to subscribe to.
PROBE_SLOW_S: seconds before it registers. PROBE_TICK_S: print a line so often, in a thread.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
_lock = threading.Lock()


def tell(what, **facts):
    with _lock:
        line = json.dumps({"probe": what, "at": time.monotonic(), **facts})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(API)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), named)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, json.loads(text) if text else None


def crash_at(point):
    if os.environ.get("PROBE_CRASH") == point:
        tell("crash", point=point)
        os._exit(0)


class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for event in batch:
            tell("telemetry", type=event["type"], record=event["record"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def subscribe(identifier, types):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    uri = f"http://sandbox.localdomain:{server.server_port}/events"
    wish = {
        "schemaVersion": "2022-12-13",
        "types": types.split(","),
        "buffering": {"timeoutMs": 25, "maxBytes": 262144, "maxItems": 1000},
        "destination": {"protocol": "HTTP", "URI": uri},
    }
    answer, reply = call(
        "PUT", "/2022-07-01/telemetry", wish, Lambda_Extension_Identifier=identifier
    )
    tell("subscribed", status=answer.status, reply=reply)


def tick(seconds):
    while True:
        tell("tick")
        time.sleep(seconds)


def main():
    tell("started", environment=dict(os.environ), argv=sys.argv, cwd=os.getcwd())
    crash_at("start")
    time.sleep(float(os.environ.get("PROBE_SLOW_S", 0)))
    events = os.environ.get("PROBE_EVENTS", "INVOKE,SHUTDOWN").split(",")
    answer, reply = call(
        "POST",
        "/2020-01-01/extension/register",
        {"events": [event for event in events if event]},
        Lambda_Extension_Name="probe",
        Lambda_Extension_Accept_Feature="accountId",
    )
    tell("registered", status=answer.status, reply=reply)
    identifier = answer.headers["Lambda-Extension-Identifier"]
    crash_at("registered")
    if os.environ.get("PROBE_TELEMETRY"):
        subscribe(identifier, os.environ["PROBE_TELEMETRY"])
    if os.environ.get("PROBE_TICK_S"):
        seconds = float(os.environ["PROBE_TICK_S"])
        threading.Thread(target=tick, args=(seconds,), daemon=True).start()
    while True:
        tell("next")
        _, event = call(
            "GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier
        )
        tell(event["eventType"], event=event)
        crash_at(event["eventType"])
        if event["eventType"] == "SHUTDOWN":
            time.sleep(float(os.environ.get("PROBE_SHUTDOWN_S", 0)))
            tell("exit")
            return
        if os.environ.get("PROBE_ERROR"):
            call(
                "POST",
                "/2020-01-01/extension/exit/error",
                {},
                Lambda_Extension_Identifier=identifier,
                Lambda_Extension_Function_Error_Type=os.environ["PROBE_ERROR"],
            )
            sys.exit(1)
        time.sleep(float(os.environ.get("PROBE_AFTER_S", 0)))


main()
