"""For all tests: real servers as fixtures, and a check that nothing is left behind."""

from __future__ import annotations

import signal

pytest_plugins = [
    "tests.components.certificates",
    "tests.components.nginx_server",
    "tests.components.relay",
    "tests.components.dynamodb_server",
    "tests.components.jaeger_server",
    "tests.components.browser",
    "tests.components.leftovers",
]


def pytest_configure() -> None:
    """Under nohup or in a shell's background some signals are ignored, and children inherit it."""
    for number, action in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGQUIT, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, action)
