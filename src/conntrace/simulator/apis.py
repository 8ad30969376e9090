"""The paths of the Runtime, Extensions and Telemetry APIs, and what each does."""

from __future__ import annotations

import json

from conntrace.simulator.api_server import (
    Answer,
    Handler,
    Hangup,
    Platform,
    Request,
    json_answer,
    refusal,
)
from conntrace.simulator.board import Extension
from conntrace.simulator.ending import Failure
from conntrace.simulator.telemetry import TYPES, Subscription

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
_ACCEPTED = {"status": "OK"}


# --- Runtime API ---------------------------------------------------------------------------------


def runtime_next(platform: Platform, request: Request) -> Answer:
    """The runtime is ready for an invocation."""
    task = platform.board.next_task()
    if task is None:
        raise Hangup
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": task.request_id,
        "Lambda-Runtime-Deadline-Ms": str(task.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": task.arn,
    }
    if task.trace_header:
        headers["Lambda-Runtime-Trace-Id"] = task.trace_header
    if task.client_context:
        headers["Lambda-Runtime-Client-Context"] = task.client_context
    return Answer(200, task.event, headers)


def runtime_response(platform: Platform, request: Request) -> Answer:
    """The handler's result."""
    if len(request.body) > MAX_RESPONSE_BYTES:
        text = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
        reply = {"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}
        body, error = json.dumps(reply).encode(), "Function.ResponseSizeTooLarge"
        if platform.board.answer(request.words[0], body, error):
            return refusal(413, "RequestEntityTooLarge", text)
    elif platform.board.answer(request.words[0], request.body, None):
        return json_answer(202, _ACCEPTED)
    return refusal(400, "InvalidRequestID")


def runtime_error(platform: Platform, request: Request) -> Answer:
    """The handler raised."""
    error_type = request.headers.get("lambda-runtime-function-error-type", "") or _type_in(request)
    if platform.board.answer(request.words[0], request.body, error_type):
        return json_answer(202, _ACCEPTED)
    return refusal(400, "InvalidRequestID")


def runtime_init_error(platform: Platform, request: Request) -> Answer:
    """The handler's module cannot be loaded."""
    error_type = request.headers.get("lambda-runtime-function-error-type", "") or _type_in(request)
    platform.board.fail(Failure(error_type, "", request.body))
    return json_answer(202, _ACCEPTED)


def restore_next(platform: Platform, request: Request) -> Answer:
    """SnapStart: ready for the snapshot; the answer is the restore."""
    if not platform.board.wait_for_restore():
        raise Hangup
    return Answer(200)


def _type_in(request: Request) -> str:
    try:
        return str(json.loads(request.body).get("errorType") or "Unhandled")
    except (ValueError, AttributeError):
        return "Unhandled"


# --- Extensions API ------------------------------------------------------------------------------


def register(platform: Platform, request: Request) -> Answer:
    """An extension gets its identifier and the facts of the function."""
    board = platform.board
    name = request.headers.get("lambda-extension-name", "")
    try:
        events = tuple(json.loads(request.body or b"{}").get("events") or ())
    except (ValueError, AttributeError, TypeError):
        return refusal(400, "InvalidRequestFormat")
    known = board.extensions.get(name)
    if not name:
        return refusal(403, "Extension.InvalidExtensionName", "Invalid extension name")
    if not board.registration_open:
        return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
    if known is not None and known.registered:
        return refusal(403, "Extension.AlreadyRegistered", f"{name} is registered already")
    allowed = {"SHUTDOWN"} if platform.facts["managed"] else {"INVOKE", "SHUTDOWN"}
    if known is None:
        allowed -= {"SHUTDOWN"}  # An internal extension ends with its runtime.
    wrong = [event for event in events if event not in allowed]
    if wrong:
        return refusal(403, "Extension.InvalidEventType", f"{wrong[0]}: invalid event type")
    extension = board.register(name, events)
    facts = {key: platform.facts[key] for key in ("functionName", "functionVersion", "handler")}
    features = request.headers.get("lambda-extension-accept-feature", "")
    if "accountId" in [feature.strip() for feature in features.split(",")]:
        facts["accountId"] = platform.facts["accountId"]
    return json_answer(200, facts, **{"Lambda-Extension-Identifier": extension.id})


def extension_next(platform: Platform, request: Request) -> Answer:
    """An extension is done with what it had, and waits."""
    extension = _who(platform, request)
    if isinstance(extension, Answer):
        return extension
    event = platform.board.next_event(extension)
    if event is None:
        raise Hangup
    return json_answer(200, event, **{"Lambda-Extension-Event-Identifier": extension.id})


def extension_error(platform: Platform, request: Request) -> Answer:
    """An extension gives up, and with it the environment."""
    extension = _who(platform, request)
    if isinstance(extension, Answer):
        return extension
    error_type = request.headers.get("lambda-extension-function-error-type", "")
    if not error_type:
        return refusal(400, "InvalidRequestFormat", "Lambda-Extension-Function-Error-Type missing")
    platform.board.fail(Failure(error_type, f"{extension.name} gave up"))
    return json_answer(202, _ACCEPTED)


def subscribe(platform: Platform, request: Request) -> Answer:
    """An extension wants telemetry."""
    extension = _who(platform, request)
    if isinstance(extension, Answer):
        return extension
    telemetry = platform.telemetry
    if not telemetry.supported:
        return refusal(202, "Telemetry.NotSupported", "Telemetry API is not supported")
    if not platform.board.registration_open:
        return refusal(403, "Telemetry.SubscriptionClosed", "Subscription closed already")
    try:
        wish = json.loads(request.body)
        types = tuple(wish["types"])
        subscription = Subscription(
            extension.name,
            wish["destination"]["URI"],
            frozenset(types),
            timeout_s=int((wish.get("buffering") or {}).get("timeoutMs", 1000)) / 1000,
            max_items=int((wish.get("buffering") or {}).get("maxItems", 10_000)),
        )
        good = wish.get("schemaVersion") in SCHEMAS and set(types) <= TYPES
        good = good and wish["destination"]["protocol"] == "HTTP"
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        return refusal(400, "ValidationError", "schemaVersion, types or destination is wrong")
    telemetry.subscribe(subscription)
    return Answer(200, b'"OK"')


def _who(platform: Platform, request: Request) -> Extension | Answer:
    identifier = request.headers.get("lambda-extension-identifier", "")
    if not identifier:
        return refusal(403, "Extension.MissingExtensionIdentifier")
    found = platform.board.by_id(identifier)
    return found or refusal(403, "Extension.UnknownExtensionIdentifier")


_RUNTIME = "/2018-06-01/runtime"
_EXTENSION = "/2020-01-01/extension"
ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", f"{_RUNTIME}/invocation/next", runtime_next),
    ("POST", f"{_RUNTIME}/invocation/([^/]+)/response", runtime_response),
    ("POST", f"{_RUNTIME}/invocation/([^/]+)/error", runtime_error),
    ("POST", f"{_RUNTIME}/init/error", runtime_init_error),
    ("GET", f"{_RUNTIME}/restore/next", restore_next),
    ("POST", f"{_RUNTIME}/restore/error", runtime_init_error),
    ("POST", f"{_EXTENSION}/register", register),
    ("GET", f"{_EXTENSION}/event/next", extension_next),
    ("POST", f"{_EXTENSION}/init/error", extension_error),
    ("POST", f"{_EXTENSION}/exit/error", extension_error),
    ("PUT", "/2022-07-01/telemetry", subscribe),
]
