"""Processes of a function that are copies of another: forks, workers, restored snapshots."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from conntrace.events import Goodbye, Hello, RequestStart
from conntrace.events_lambda import Function, InitError, InvocationStart, Restored
from tests.integration.conftest import Serve
from tests.integration.lambda_process import (
    CLIENT,
    LINUX,
    FunctionProcess,
    function_process,
    wait_for,
)

pytestmark = pytest.mark.skipif(not LINUX, reason="the Lambda runtime client runs on Linux")

managed_instances = pytest.mark.skipif(CLIENT < (4, 0), reason="managed instances came with 4.0")
snap_start = pytest.mark.skipif(CLIENT < (3, 0), reason="SnapStart came with 3.0")


def hellos(function: FunctionProcess) -> dict[str, Hello]:
    """Each process's hello."""
    return {each.process: each for each in function.events() if isinstance(each, Hello)}


def test_a_child_of_the_handler_says_who_it_is(tmp_path: Path, serve: Serve) -> None:
    """multiprocessing in a handler: the child has a channel of its own and tells all again."""
    source = """
import multiprocessing, urllib3
pool = urllib3.PoolManager()

def work(url):
    pool.request("GET", url)

def handler(event, context):
    child = multiprocessing.get_context("fork").Process(target=work, args=(event["url"],))
    child.start()
    child.join()
    return child.exitcode
"""
    server = serve()
    with function_process(tmp_path, source) as function:
        assert function.invoke({"url": server.url()}).body == b"0"
        function.ends(1)
        processes = function.extension.processes()
        assert len(processes) == 2
        parent, child = (function.extension.events(process) for process in processes)
        said = hellos(function)
    assert said[processes[1]].forked_from == processes[0]
    assert isinstance(child[0], Hello)
    assert isinstance(child[1], Function)
    assert child[1].name == "orders"
    assert child[1].client != ""
    assert sum(isinstance(each, RequestStart) for each in child) == 1
    assert not any(isinstance(each, (RequestStart, InitError)) for each in parent)
    assert not any(isinstance(each, InvocationStart) for each in child)


@managed_instances
def test_workers_of_a_managed_instance(tmp_path: Path) -> None:
    """Several processes, forked before the handler is imported; each has its invocations."""
    source = "import os\n\ndef handler(event, context):\n    return os.getpid()\n"
    with function_process(
        tmp_path,
        source,
        AWS_LAMBDA_MAX_CONCURRENCY="2",
        AWS_LAMBDA_INITIALIZATION_TYPE="lambda-managed-instances",
    ) as function:
        wait_for(lambda: function.api.seen.count("/2018-06-01/runtime/invocation/next") == 2)
        pids = {int(function.invoke(number).body) for number in range(6)}
        function.ends(6)
        said = hellos(function)
        starts = function.starts()
        workers = [process for process, hello in said.items() if hello.forked_from]
        told = {process: function.extension.events(process) for process in workers}
        _end_workers(said.values(), function)
    assert len(workers) == 2
    assert {said[process].pid for process in workers} >= pids
    assert {said[process].forked_from for process in workers} == set(said) - set(workers)
    assert len(starts) == 6
    assert not any(start.cold for start in starts)
    for events in told.values():
        kinds = [each.kind for each in events if each.kind.startswith("invocation")]
        assert kinds == ["invocation_start", "invocation_end"] * (len(kinds) // 2)
        assert isinstance(events[1], Function)


def _end_workers(said: Iterable[Hello], function: FunctionProcess) -> None:
    """The workers are not ours to wait for: their parent is."""
    for hello in said:
        if hello.forked_from:
            os.kill(hello.pid, 9)
    function.leave()


SNAPSHOT = """
import os, urllib3
from snapshot_restore_py import register_after_restore, register_before_snapshot
pool = urllib3.PoolManager()
URL = os.environ["TEST_URL"]

@register_before_snapshot
def before():
    pool.request("GET", URL + "/before")

@register_after_restore
def after():
    pool.request("GET", URL + "/after")

def handler(event, context):
    return pool.request("GET", URL + "/handler").status
"""


SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@snap_start
def test_a_restored_snapshot_is_another_process(tmp_path: Path, serve: Serve) -> None:
    """All is told before the snapshot; the new life has a name and clocks of its own."""
    server = serve()
    with function_process(tmp_path, SNAPSHOT, TEST_URL=server.url(), **SNAP_START) as function:
        wait_for(lambda: "/2018-06-01/runtime/restore/next" in function.api.seen)
        wait_for(lambda: "goodbye" in function.extension.kinds())
        (first,) = function.extension.processes()
        function.api.restore.set()
        assert function.invoke({}).body == b"200"
        function.ends(1)
        _, second = function.extension.processes()
        before, after = (function.extension.events(each) for each in (first, second))
        said = hellos(function)

    assert [each.path for each in before if isinstance(each, RequestStart)] == ["/before"]
    assert isinstance(before[-1], Goodbye)
    assert before[-1].agent_ns > 0
    assert said[second].forked_from == first
    assert said[second].pid == said[first].pid
    assert said[second].first_id > 0
    assert [type(each) for each in after[:3]] == [Hello, Function, Restored]
    assert isinstance(after[2], Restored)
    assert after[2].wall_ns >= said[second].wall_ns > said[first].wall_ns
    paths = [each.path for each in after if isinstance(each, RequestStart)]
    assert paths == ["/after", "/handler"]
    (start,) = (each for each in after if isinstance(each, InvocationStart))
    assert not start.cold


@snap_start
@pytest.mark.parametrize(
    ("hook", "error", "reported"),
    [
        ("before_snapshot", "Runtime.BeforeSnapshotError", "init/error"),
        ("after_restore", "Runtime.AfterRestoreError", "restore/error"),
    ],
)
def test_a_hook_of_the_function_fails(tmp_path: Path, hook: str, error: str, reported: str) -> None:
    """The environment ends, as it does without the agent; the error is told."""
    source = f"""
from snapshot_restore_py import register_{hook}

@register_{hook}
def fail():
    raise ValueError("in the hook")

def handler(event, context):
    pass
"""
    posts, codes = [], []
    for traced in (False, True):
        with function_process(tmp_path, source, traced=traced, **SNAP_START) as function:
            function.api.restore.set()
            posts.append(function.api.posts.get(timeout=30))
            codes.append(function.leave())
            errors = [each.error for each in function.events() if isinstance(each, InitError)]
        assert errors == ([error] if traced else [])
    assert posts[0].path == posts[1].path == reported
    assert json.loads(posts[0].body) == json.loads(posts[1].body)
    assert codes[0] == codes[1] != 0
