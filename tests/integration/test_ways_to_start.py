"""Any Python command line: script, module, console script, server with workers, standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from conntrace.testing import read_spans, run_program
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, PROGRAMS, Runner

APPLICATION = """
import urllib3
manager = urllib3.PoolManager()

def app(environ, start_response):
    body = manager.request("GET", {url!r}).data
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def test_module(run: Runner, serve: Serve) -> None:
    """`python -m module` with the working folder on its path."""
    server = serve()
    words = [sys.executable, "-m", "with_urllib3", "reuse", server.url("a.test")]
    result = run_program(words, env=run.env, cwd=PROGRAMS)
    assert result.exit_code == 0, result.stderr
    assert result.spans.causes == [FIRST]


def test_source_text(run: Runner, serve: Serve) -> None:
    """A program given as text."""
    server = serve()
    source = f"import urllib3; urllib3.PoolManager().request('GET', {server.url()!r})"
    result = run_program(source, env=run.env)
    assert result.exit_code == 0, result.stderr
    assert result.spans.causes == [FIRST]


def test_console_script(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """A console script (pytest itself), found on the path of this environment."""
    server = serve()
    test = tmp_path / "test_it.py"
    test.write_text(
        "import urllib3\n\n\ndef test_it():\n"
        f"    urllib3.PoolManager().request('GET', {server.url()!r})\n"
    )
    script = str(Path(sys.executable).parent / "pytest")
    words = [script, "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(test)]
    result = run_program(words, env=run.env, cwd=tmp_path)
    assert result.exit_code == 0, result.stdout + result.stderr
    assert result.spans.causes == [FIRST]


def test_own_sitecustomize(run: Runner, tmp_path: Path) -> None:
    """The environment's own sitecustomize still runs, once, and the program's path is its own."""
    # `conntrace run` itself is a Python, too: it is not the one that is asked.
    mine = "import sys\nif 'conntrace' not in sys.orig_argv:\n    print('mine')\n"
    (tmp_path / "sitecustomize.py").write_text(mine)
    program = "import sys; print([p for p in sys.path if 'conntrace/startup' in p])"
    result = run_program(program, env={**run.env, "PYTHONPATH": str(tmp_path)})
    assert result.stdout == "mine\n[]\n"


def test_gunicorn(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """A server with forked workers: each worker's connections are seen, SIGTERM ends all."""
    pytest.importorskip("gunicorn")
    server = serve()
    (tmp_path / "shop.py").write_text(APPLICATION.format(url=server.url()))
    output = tmp_path / "spans.jsonl"
    words = [sys.executable, "-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:0", "shop:app"]
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **run.env}, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stderr is not None
        address = next(line for line in parent.stderr if "Listening at: " in line)
        url = address.partition("Listening at: ")[2].split()[0]
        for _ in range(4):
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.read() == b"ok"
        parent.send_signal(signal.SIGTERM)
        _, _ = parent.communicate(timeout=30)
    spans = read_spans(output)
    assert len(spans.setups) == server.accepts
    assert set(spans.causes) == {FIRST}
