"""Where the function and the extension meet."""

from __future__ import annotations

import socket
import sys

import pytest

from conntrace.channel import LAMBDA_TOKEN, SocketChannel, lambda_address
from conntrace.traced.originals import getpid


def test_the_address_holds_the_runtime_api() -> None:
    """Two environments on one machine have two Runtime APIs, and so two channels."""
    assert lambda_address("127.0.0.1:9001") == "seqpacket:@conntrace-127.0.0.1:9001"
    assert lambda_address("127.0.0.1:9001") != lambda_address("127.0.0.1:9002")
    assert LAMBDA_TOKEN == "layer"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract names are Linux's")
def test_a_channel_opens_to_a_listener_of_that_name() -> None:
    """Abstract name: nothing is left in the file system."""
    runtime_api = f"127.0.0.1:{getpid()}"
    address = lambda_address(runtime_api)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("\0" + address.partition("@")[2])
        listener.listen()
        channel = SocketChannel(address)
        assert channel.open("0123456789abcdef")
        try:
            channel.send([b"hello"])
            with listener.accept()[0] as accepted:
                assert accepted.recv(100) == b"0123456789abcdef\nhello"
        finally:
            channel.close()
