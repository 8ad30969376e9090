"""Start of the agent in a process below `conntrace run`."""

from __future__ import annotations

import os

from conntrace.channel import SocketChannel
from conntrace.config import Settings
from conntrace.traced import call_sites, recorder


def start() -> bool:
    """Start recording into CONNTRACE_CHANNEL; False when switched off or when nobody listens."""
    settings = Settings(os.environ)
    if not settings.active or not settings.channel:
        return False
    call_sites.enabled = settings.call_sites
    address = settings.channel
    agent = recorder.Recorder(
        lambda: SocketChannel(address),
        way="run",
        token=settings.token,
        service=settings.service_name,
    )
    return recorder.start(agent, with_audit=settings.audit is not False)
