"""Which modules of a function's folder were installed there, told from the names beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace.traced import lambda_packages
from conntrace.traced.lambda_packages import handler_package, is_packed_library, library_names

PACKED = [
    "app.py",
    "common",
    "aws_lambda_powertools",
    "aws_lambda_powertools-3.37.0.dist-info",
    "opensearchpy",
    "opensearch_py-3.2.0.dist-info",
    "dateutil",
    "python_dateutil-2.9.0.post0.dist-info",
    "pymysql",
    "PyMySQL-1.1.1.dist-info",
    "typing_extensions.py",
    "typing_extensions-4.16.0.dist-info",
    "zope",
    "zope.interface-7.2.dist-info",
    "common_parts",
    "common_parts-1.0.dist-info",
]


def test_what_was_installed_is_a_library() -> None:
    """Also where the module has another name than its distribution."""
    names = library_names(PACKED)
    assert {"awslambdapowertools", "opensearchpy", "dateutil", "pymysql", "zope"} <= names


def test_what_is_the_functions_own_is_none() -> None:
    """A word of a distribution's name counts only when nothing has the whole name."""
    assert {"app", "common", "typing", "extensions"}.isdisjoint(library_names(PACKED))


@pytest.mark.parametrize("handler", ["shop.handler", "shop.orders.put", "shop/orders.put"])
def test_package_of_a_handler(handler: str) -> None:
    """Both ways to write a handler below a folder."""
    assert handler_package(handler) == "shop"


def test_the_innermost_folder_of_the_path_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of libraries may lie in the function's own; no folder is not an error."""
    vendored = tmp_path / "vendored"
    (vendored / "redis").mkdir(parents=True)
    (vendored / "redis-8.1.0.dist-info").mkdir()
    monkeypatch.setattr(lambda_packages, "_libraries", {})
    monkeypatch.setattr("sys.path", [str(tmp_path), f"{vendored}/", str(tmp_path / "gone"), None])
    assert is_packed_library(f"{vendored}/redis/client.py")
    assert not is_packed_library(f"{tmp_path}/app.py")
    assert not is_packed_library(f"{tmp_path}/gone/redis/client.py")
    assert not is_packed_library("/elsewhere/redis/client.py")
