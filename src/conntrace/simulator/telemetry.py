"""The Telemetry API's other half: events in batches to the listeners of the extensions."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

TYPES = frozenset({"platform", "function", "extension"})
_HELD = 10_000
_POST_LIMIT_S = 1.0


@dataclass(slots=True)
class Subscription:
    """One extension's wish. The `uri`'s host, sandbox.localdomain, is the loopback here."""

    name: str
    uri: str
    types: frozenset[str]
    timeout_s: float
    max_items: int
    waiting: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_HELD))
    due: float = 0.0


class Telemetry:
    """Collects events and posts them, never while the environment is frozen."""

    def __init__(self, supported: bool) -> None:
        self.supported = supported
        self._subscriptions: list[Subscription] = []
        self._early: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._paused = False
        self._closed = False
        self._sending = False
        self._thread: threading.Thread | None = None

    def subscribe(self, subscription: Subscription) -> None:
        """Later events go there, and the platform's earlier ones of this INIT too."""
        with self._changed:
            self._subscriptions.append(subscription)
            for event in self._early:
                self._keep(subscription, event)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._post_all, name="lambda-telemetry", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        self.add(
            "platform.telemetrySubscription",
            {
                "name": subscription.name,
                "state": "Subscribed",
                "types": sorted(subscription.types),
            },
        )

    def add(self, kind: str, record: object) -> None:
        """One event; `kind` is `platform.start`, `function`, `extension` …"""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        event = {"time": now, "type": kind, "record": record}
        with self._changed:
            if kind.startswith("platform.init"):
                self._early.append(event)
            for subscription in self._subscriptions:
                self._keep(subscription, event)
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """While paused (frozen) nothing is posted; returns when no post is under way."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._sending, _POST_LIMIT_S)

    def flush(self, seconds: float) -> None:
        """Post what waits, at once; for so long at most."""
        with self._changed:
            for subscription in self._subscriptions:
                subscription.due = 0.0
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not self._sending and not any(s.waiting for s in self._subscriptions),
                seconds if self._subscriptions else 0,
            )

    def close(self) -> None:
        """Forget the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5)

    @staticmethod
    def _keep(subscription: Subscription, event: dict[str, Any]) -> None:
        if event["type"].partition(".")[0] in subscription.types:
            if not subscription.waiting:
                subscription.due = time.monotonic() + subscription.timeout_s
            subscription.waiting.append(event)

    def _post_all(self) -> None:
        while True:
            with self._changed:
                while not (due := self._due()) and not self._closed:
                    self._changed.wait(self._pause_s())
                if self._closed:
                    return
                batches = [(each, list(each.waiting)) for each in due]
                for each in due:
                    each.waiting.clear()
                self._sending = True
            for subscription, batch in batches:
                _post(subscription, batch)
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    def _due(self) -> list[Subscription]:
        if self._paused:
            return []
        now = time.monotonic()
        return [
            each
            for each in self._subscriptions
            if each.waiting and (each.due <= now or len(each.waiting) >= each.max_items)
        ]

    def _pause_s(self) -> float | None:
        waiting = [each.due for each in self._subscriptions if each.waiting]
        if self._paused or not waiting:
            return None
        return max(0.0, min(waiting) - time.monotonic())


def _post(subscription: Subscription, batch: list[dict[str, Any]]) -> None:
    """A listener that does not take it loses it, as on the platform."""
    parts = urlsplit(subscription.uri)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=_POST_LIMIT_S)
    try:
        headers = {"Content-Type": "application/json", "Host": parts.netloc}
        connection.request("POST", parts.path or "/", json.dumps(batch), headers)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
