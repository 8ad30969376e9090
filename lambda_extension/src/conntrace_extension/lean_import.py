"""`http.client` without `ssl`, where nothing speaks TLS: saves 4 MB of memory and 5 ms.

The memory is the function's: both live in one sandbox, and small ones have 128 MB.
"""

from __future__ import annotations

import sys


def import_http_client(endpoint: str) -> None:
    """Import it as lean as the endpoint allows."""
    lean = endpoint.lower().startswith("http://") and "ssl" not in sys.modules
    if lean:
        # `http.client` takes an ImportError for "there is no TLS", and goes on without.
        sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import http.client  # noqa: F401
    finally:
        if lean:
            del sys.modules["ssl"]
