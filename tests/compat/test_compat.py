"""The fast subset of other people's suites, so that it runs with all other tests."""

from __future__ import annotations

import os

import pytest
from scripts.shell import Missing

from tests.compat.comparing import judge
from tests.compat.run import lines_of
from tests.compat.suites import Suite, chosen
from tests.compat.workplace import NotHere


@pytest.mark.compat
@pytest.mark.timeout(900)
@pytest.mark.parametrize("suite", chosen([], full=False), ids=lambda suite: suite.name)
def test_no_test_changes_its_result(suite: Suite) -> None:
    try:
        verdict = judge(suite, full=False)
    except NotHere as problem:
        pytest.skip(str(problem))
    except Missing as problem:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(problem))
    report = "\n".join(lines_of(verdict))
    print(report)
    assert verdict.failed == 0, report
