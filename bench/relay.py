"""A relay before a region, which delays every request and counts what goes through.

``python bench/relay.py PORT SECONDS`` prints its own port, and ends with its input; then it prints
``{"requests", "sent", "received"}``, the last two in bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

_CHUNK = 1 << 16


class Relay:
    """One relay.

    Args:
        port: The region's port.
        seconds: How long each request waits.
    """

    def __init__(self, port: int, seconds: float):
        self._port, self._seconds = port, seconds
        self.counts = {"requests": 0, "sent": 0, "received": 0}

    async def connected(self, reader, writer):
        """Serve one connection, until it is closed or the relay ends."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._pass_on(reader, writer)

    async def _pass_on(self, reader, writer):
        answers, region = await asyncio.open_connection("127.0.0.1", self._port)
        answered = True

        async def back():
            nonlocal answered
            while chunk := await answers.read(_CHUNK):
                answered = True
                self.counts["received"] += len(chunk)
                writer.write(chunk)
            writer.close()

        task = asyncio.ensure_future(back())
        while chunk := await reader.read(_CHUNK):
            if answered:  # else the rest of a request
                answered = False
                self.counts["requests"] += 1
                await asyncio.sleep(self._seconds)
            self.counts["sent"] += len(chunk)
            region.write(chunk)
        region.close()
        await task


async def main(port: str, seconds: str) -> None:
    """Serve until the input ends."""
    relay = Relay(int(port), float(seconds))
    server = await asyncio.start_server(relay.connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps(relay.counts), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
