"""A network between the app and its Redis that takes its time, and counts how often somebody waits for an answer."""

import asyncio
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest


class SlowNetwork:
    """A TCP proxy before a Redis: each answer is ``seconds`` late. ``turns`` notes what each question holds."""

    def __init__(self, url: str) -> None:
        self.seconds = 0.0
        self.turns: list[bytes] = []
        self._to = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def url(self, credentials: str = "", database: int = 0) -> str:
        """Return the URL of the Redis behind it."""
        return f"redis://{credentials}127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """Cut all connections."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()
        self._loop.close()

    def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        gathered = asyncio.gather(*tasks, return_exceptions=True)
        gathered.add_done_callback(lambda _: self._loop.stop())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._to.scheme == "unix":
            from_redis, to_redis = await asyncio.open_unix_connection(self._to.path)
        else:
            from_redis, to_redis = await asyncio.open_connection(self._to.hostname, self._to.port)
        try:
            await asyncio.gather(self._ask(reader, to_redis), self._answer(from_redis, writer))
        finally:
            to_redis.close()
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, to_redis: asyncio.StreamWriter) -> None:
        while question := await reader.read(65_536):
            self.turns.append(question)
            to_redis.write(question)
        to_redis.write_eof()

    async def _answer(self, from_redis: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := await from_redis.read(65_536):
            await asyncio.sleep(self.seconds)
            writer.write(answer)


@pytest.fixture
def slow_network(shop_valkey: str) -> Iterator[SlowNetwork]:
    """A slow network before the Valkey of all tests. It is quick until a test says otherwise."""
    network = SlowNetwork(shop_valkey)
    yield network
    network.close()
