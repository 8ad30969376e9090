"""Programs on sockets and event loops: `with_sockets.py FUNCTION ARGUMENT...`."""

import asyncio
import concurrent.futures
import os
import select
import signal
import socket
import ssl
import sys

import loopback_names  # noqa: F401 - makes the *.test names known


def trusting():
    return ssl.create_default_context(cafile=os.environ["TEST_CA"])


def shake_hands_and_ask_again(port):
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        with trusting().wrap_socket(
            plain, server_hostname="a.test", do_handshake_on_connect=False
        ) as secure:
            secure.do_handshake()
            secure.do_handshake()
            print(secure.version())


def shake_hands_without_waiting(port):
    plain = socket.create_connection(("127.0.0.1", int(port)))
    with trusting().wrap_socket(
        plain, server_hostname="a.test", do_handshake_on_connect=False
    ) as secure:
        secure.setblocking(False)
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                select.select([secure], [], [], 10)
        print(secure.version())


def shake_hands_in_memory(port):
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = trusting().wrap_bio(received, to_send, server_hostname="a.test")
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(to_send.read())
                received.write(plain.recv(65536))
        print(secure.version())


def shake_hands_in_asyncio(port):
    async def main():
        _, writer = await asyncio.open_connection(
            "127.0.0.1", int(port), ssl=trusting(), server_hostname="a.test"
        )
        print(writer.get_extra_info("ssl_object").version())
        writer.close()

    asyncio.run(main())


def give_a_handshake_up(port):
    async def main():
        connecting = asyncio.open_connection("127.0.0.1", int(port), ssl=trusting())
        try:
            await asyncio.wait_for(connecting, 0.5)
        except asyncio.TimeoutError:
            print("given up")

    asyncio.run(main())


def connect_in_asyncio(host, port, delay_s=None):
    """`delay_s`: until the next address is tried beside the one that does not answer."""

    async def main():
        race = {} if delay_s is None else {"happy_eyeballs_delay": float(delay_s)}
        try:
            _, writer = await asyncio.open_connection(host, int(port), **race)
        except OSError as error:
            print(type(error).__name__)
        else:
            writer.close()

    asyncio.run(main())


def give_a_connect_up(port):
    async def main():
        try:
            await asyncio.wait_for(asyncio.open_connection("127.0.0.1", int(port)), 0.5)
        except asyncio.TimeoutError:
            print("given up")

    asyncio.run(main())


def connect_and_ask(port, how):
    with socket.socket() as connecting:
        connecting.setblocking(False)
        connecting.connect_ex(("127.0.0.1", int(port)))
        select.select([], [connecting], [], 10)
        if how in ("by_option", "both"):
            print(connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        if how in ("again", "both"):
            print(connecting.connect_ex(("127.0.0.1", int(port))))
        if how == "never":
            connecting.send(b"x")


def connect_in_a_task(port, look_up=""):
    async def main():
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", int(port))
        if look_up:
            *_, address = (await loop.getaddrinfo("localhost", int(port), family=socket.AF_INET))[0]
        with socket.socket() as connecting:
            connecting.setblocking(False)
            await loop.create_task(loop.sock_connect(connecting, address))

    asyncio.run(main())


def look_up_in_asyncio(executor="None"):
    async def main():
        loop = asyncio.get_running_loop()
        chosen = getattr(concurrent.futures, executor, None)
        with chosen(1) if chosen else concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = loop.run_in_executor(
                pool if chosen else None, socket.getaddrinfo, "localhost", 80
            )
            print(len(await asked) > 0)

    asyncio.run(main())


def write_addresses_as_text():
    for _ in range(2):
        print(socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV))
    print(socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICSERV)[1])


def connect_in_a_signal_handler(port, full_port):
    """The handler runs in the middle of a connect that waits, and connects elsewhere."""

    def handle(number, frame):
        socket.create_connection(("localhost", int(port))).close()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with socket.socket() as waiting:
        waiting.settimeout(0.6)
        try:
            waiting.connect(("127.0.0.1", int(full_port)))
        except OSError as error:
            print(type(error).__name__)


def leave_without_a_word(port, what):
    """`os._exit` right after the last thing was done."""
    if what == "lookup":
        socket.getaddrinfo("localhost", int(port))
        os._exit(0)
    plain = socket.create_connection(("127.0.0.1", int(port)))
    if what == "handshake":
        trusting().wrap_socket(plain, server_hostname="a.test")
    os._exit(0)


def connect_to_closed_socket(port):
    closed = socket.socket()
    closed.close()
    try:
        closed.connect(("127.0.0.1", int(port)))
    except OSError as error:
        print(error)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
