"""From the start of the process to its first `/next`, and what remains when all else fails.

The runtime starts when all extensions have registered, so nothing is imported before that but
what is needed to bind and to register. The process never exits before SHUTDOWN: that would fail
the function.
"""

from __future__ import annotations

import _socket
import posix
import time

from conntrace_extension.platform_api import INVOKE, SHUTDOWN, PlatformApi
from conntrace_extension.say import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from conntrace_extension.telemetry import Telemetry

_BIND_ATTEMPTS = 20
_BIND_PAUSE_S = 0.005
_BACKLOG = 1024
_MANAGED = "lambda-managed-instances"


def run(path: str, layer: str) -> None:
    """The whole life of the extension. `path` is the launcher's, `layer` the private folder's."""
    api = PlatformApi(_setting("AWS_LAMBDA_RUNTIME_API"))
    channel: _socket.socket | None = None
    failure: Exception | None = None
    active = False
    try:
        active = _is_switched_on()
        if active:
            channel = _bound(api.address)
    except Exception as error:
        failure = error
    events = api.register(path.rpartition("/")[2], _wanted_events(active and failure is None))
    if channel is not None and failure is None:
        try:
            _work(api, channel, layer, managed=INVOKE not in events)
            return
        except Exception as error:
            failure = error
    if failure is not None:
        _say_failure(failure)
    if channel is not None:
        channel.close()
    idle(api)


def idle(api: PlatformApi) -> None:
    """Let the platform go on as if we were not there."""
    while not api.is_over:
        api.next_event()


def _work(api: PlatformApi, channel: _socket.socket, layer: str, *, managed: bool) -> None:
    telemetry = _subscribed(api, managed=managed)
    api.ask_next()
    # The rest of the program is loaded while the function's own runtime starts.
    from conntrace_extension.extension import Extension

    extension = Extension(api, channel, telemetry, layer)
    try:
        if managed:
            extension.run_managed()
        else:
            extension.run()
    finally:
        extension.close()


def _subscribed(api: PlatformApi, *, managed: bool) -> Telemetry | None:
    from conntrace_extension.telemetry import Telemetry

    try:
        return Telemetry(api.address, api.identifier, managed=managed)
    except OSError:
        return None


def _is_switched_on() -> bool:
    """The kill switch, read as `conntrace.config` reads it; what is not understood is off."""
    from conntrace.setting_values import flag, otel_flag

    return _flag(flag, "CONNTRACE_ENABLED", True) and not _flag(
        otel_flag, "OTEL_SDK_DISABLED", False
    )


def _flag(read: Callable[[str], bool], name: str, default: bool) -> bool:
    text = _setting(name)
    try:
        return read(text) if text else default
    except ValueError:
        return default  # said, with all other wrong settings, when the exporter is made


def _setting(name: str) -> str:
    return posix.environ.get(name.encode(), b"").decode("utf-8", "surrogateescape").strip()


def _wanted_events(active: bool) -> tuple[str, ...]:
    """A switched-off extension has no business in invocations."""
    if active and _setting("AWS_LAMBDA_INITIALIZATION_TYPE") != _MANAGED:
        return (INVOKE, SHUTDOWN)
    return (SHUTDOWN,)


def _bound(runtime_api: str) -> _socket.socket:
    """The channel, before the runtime can start. Raises OSError."""
    from conntrace.channel import lambda_address

    name = lambda_address(runtime_api).partition("@")[2]
    bound = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    for attempt in range(_BIND_ATTEMPTS):
        try:
            bound.bind(b"\0" + name.encode())
            break
        except OSError:
            # The extension before this one is still going down.
            if attempt == _BIND_ATTEMPTS - 1:
                bound.close()
                raise
            time.sleep(_BIND_PAUSE_S)
    bound.listen(_BACKLOG)
    bound.setblocking(False)
    return bound


def _say_failure(error: Exception) -> None:
    """One line, with the place: nobody can look into this process."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
        place = f" at {name}:{trace.tb_lineno}"
        trace = trace.tb_next
    what = f"{type(error).__name__}: {error}"[:300]
    say(f"the extension failed and records nothing more ({what}{place}) [extension-failed]")
