"""Spans in memory, and OTEL_RESOURCE_ATTRIBUTES on every span."""

from __future__ import annotations

from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.exporters.resource import with_resource_attributes
from conntrace.config import Settings


def test_memory_keeps_up_to_its_limit() -> None:
    memory = MemoryExporter(limit=3)
    memory.export([make_span("a"), make_span("b")])
    memory.export([make_span("c"), make_span("d")])
    memory.close(1)
    assert [span.name for span in memory.spans] == ["a", "b", "c"]
    assert memory.dropped == 1


def exported(**environment: str) -> dict[str, object]:
    memory = MemoryExporter()
    exporter = with_resource_attributes(memory, Settings(environment))
    span = make_span()
    before = span.resource
    exporter.export([span])
    assert span.resource == before, "other exporters get the same span"
    assert exporter.dropped == 0
    exporter.close(1)
    return dict(memory.spans[0].resource.attributes)


def test_without_settings_nothing_is_added() -> None:
    memory = MemoryExporter()
    assert with_resource_attributes(memory, Settings({})) is memory


def test_the_users_attributes_win() -> None:
    found = exported(OTEL_RESOURCE_ATTRIBUTES="service.name=mine,team=a%20b")
    assert found == {"service.name": "mine", "team": "a b", "process.pid": 4711}


def test_but_not_over_the_service_name_variable() -> None:
    found = exported(OTEL_RESOURCE_ATTRIBUTES="service.name=mine,team=x", OTEL_SERVICE_NAME="shop")
    assert found["service.name"] == "shop"
    assert found["team"] == "x"
