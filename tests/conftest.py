"""For all tests: real servers as fixtures, and a check that nothing is left behind."""

from __future__ import annotations

pytest_plugins = [
    "tests.components.certificates",
    "tests.components.nginx_server",
    "tests.components.relay",
    "tests.components.dynamodb_server",
    "tests.components.jaeger_server",
    "tests.components.leftovers",
]
