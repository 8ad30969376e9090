"""Who a URL names is never shown, whatever form the URL has."""

from __future__ import annotations

import pytest

from conntrace.urls import without_user


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:password@host:4318/path", "http://host:4318/path"),
        ("user:password@host:4317", "host:4317"),
        ("grpc://us%40er:p@ss@[::1]:4317", "grpc://[::1]:4317"),
        ("http://host/a@b?c=d@e", "http://host/a@b?c=d@e"),
        ("http://host?mail=a@b", "http://host?mail=a@b"),
        ("http://u@host/http://v@other", "http://host/http://v@other"),
        ("host:4317", "host:4317"),
        ("", ""),
    ],
)
def test_without_user(url: str, shown: str) -> None:
    """All of the user goes, and nothing else."""
    assert without_user(url) == shown
