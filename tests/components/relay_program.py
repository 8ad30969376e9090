"""Run as a program: ``relay_program.py NOTES UPSTREAM_PORT``.

A TCP relay on a free loopback port. The first line of the file NOTES is that port; each accepted
connection adds a line. It is a program of its own because hooks under test would see its sockets,
and because threads in the tests' process do not go well with tests that fork.
"""

from __future__ import annotations

import asyncio
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on, and then the end of the stream: one direction may end before the other."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def relay(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter], upstream_port: int
) -> None:
    try:
        far = await asyncio.open_connection("127.0.0.1", upstream_port)
    except OSError:
        near[1].transport.abort()
        return
    try:
        await asyncio.gather(pump(near[0], far[1]), pump(far[0], near[1]))
        near[1].close()
        far[1].close()
    except OSError:
        # One side sent RST: so does the relay, to both.
        near[1].transport.abort()
        far[1].transport.abort()


async def main(notes_path: str, upstream_port: int) -> None:
    with open(notes_path, "a", buffering=1) as notes:

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Noted before any byte goes through: who has an answer finds itself counted.
            notes.write("accept\n")
            await relay((reader, writer), upstream_port)

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        notes.write(f"{server.sockets[0].getsockname()[1]}\n")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
