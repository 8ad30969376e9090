"""The layer that functions of the experiments have."""

from __future__ import annotations

import pytest

from tests.layer.built import built_layer


@pytest.fixture(scope="session")
def layer() -> str:
    return str(built_layer() / "layer.zip")
