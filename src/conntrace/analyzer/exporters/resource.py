"""OTEL_RESOURCE_ATTRIBUTES: attributes of the user's own, on the resource of every span."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Exporter, Resource, Span
from conntrace.config import Settings


def with_resource_attributes(exporter: Exporter, settings: Settings) -> Exporter:
    """`exporter`, behind one that adds what the settings say; itself when they say nothing."""
    extra: dict[str, AttributeValue] = dict(settings.resource_attributes)
    if settings.service_name:
        # OTEL_SERVICE_NAME takes precedence (OpenTelemetry environment variable specification).
        extra.pop(names.SERVICE_NAME, None)
    return _WithResourceAttributes(exporter, extra) if extra else exporter


class _WithResourceAttributes:
    def __init__(self, exporter: Exporter, extra: dict[str, AttributeValue]) -> None:
        self._exporter = exporter
        self._extra = extra
        self._completed: dict[Resource, Resource] = {}

    @property
    def dropped(self) -> int:
        return self._exporter.dropped

    def export(self, spans: Sequence[Span]) -> None:
        self._exporter.export(
            [dataclasses.replace(span, resource=self._complete(span.resource)) for span in spans]
        )

    def close(self, timeout_s: float) -> None:
        self._exporter.close(timeout_s)

    def _complete(self, resource: Resource) -> Resource:
        completed = self._completed.get(resource)
        if completed is None:
            completed = Resource(tuple({**dict(resource.attributes), **self._extra}.items()))
            self._completed[resource] = completed
        return completed
