"""A client of the primary that Sentinels name: redis-py's own, which finds the new one when a connection breaks.

Added is what a shop needs beyond that: a connection is of use only if its server says itself that it is the primary;
idle connections to a former one go within a second, though it lives on; and Sentinels that hang cost little.
"""

import time
from contextlib import suppress
from typing import Any

import redis
from redis.exceptions import ConnectionError, TimeoutError
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

SENTINEL_SECONDS = 0.25
"""No Sentinel is waited for longer, else one that hangs would hold up the question to the next."""
LOOK_SECONDS = 1.0
"""So often is a Sentinel asked whether the primary is still the same, by whichever request comes along."""
LOOK_AGAIN_SECONDS = 10.0
"""So long is none asked while connections are there, after none of them has answered."""


class PrimaryConnection(SentinelManagedConnection):
    """A connection to the primary, which was asked: what a Sentinel says may be a moment old."""

    def connect_to(self, address: tuple[str, int]) -> None:
        """Connect. Raises ConnectionError if a replica is there, as well as what redis-py raises."""
        super().connect_to(address)
        try:
            self.send_command("ROLE", check_health=False)
            role = self.read_response()[0]
            if role != b"master":
                raise ConnectionError("The Redis that Sentinel names is no primary")
        except BaseException:
            self.disconnect()
            raise

    def read_response(self, *args: Any, disconnect_on_error: bool | None = True, **options: Any) -> Any:
        """As that of any connection: what is left unread must not be the answer to the next command."""
        return super().read_response(*args, disconnect_on_error=disconnect_on_error, **options)


class SecurePrimaryConnection(PrimaryConnection, SentinelManagedSSLConnection):
    """The same over TLS."""


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary. When that is another one, the idle ones are closed."""

    _look_at = 0.0

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection. Raises ConnectionError, TimeoutError."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS  # for the other threads, and if there is no answer
            with suppress(ConnectionError, TimeoutError):  # whoever needs a new connection is told
                self.proxy.get_master_address()
                self._look_at = time.monotonic() + LOOK_SECONDS
        return super().get_connection(*args, **options)


class Sentinels(Sentinel):
    """The Sentinels of a primary."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return its host and port. Raises MasterNotFoundError."""
        try:
            found: tuple[str, int] = super().discover_master(service_name)
        except MasterNotFoundError:
            # What redis-py says is a list of its own objects.
            raise MasterNotFoundError(f"No Sentinel that answers knows a primary {service_name!r} that lives") from None
        return found


def client_of_primary(
    seeds: tuple[tuple[str, int], ...],
    service: str,
    credentials: dict[str, str],
    connection_class: type[PrimaryConnection],
    options: dict[str, Any],
) -> redis.Redis:
    """Return a client of what the Sentinels at ``seeds`` call ``service``. Nothing is asked yet.

    ``options`` are those of a connection, for the primary; the ones of TLS count for the Sentinels as well, and
    ``credentials`` are what these are to be told.
    """
    shared = {name: value for name, value in options.items() if name.startswith("ssl") or name == "retry"}
    seconds = min(SENTINEL_SECONDS, options["socket_timeout"] or SENTINEL_SECONDS)
    timeouts = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    for_primary = {name: value for name, value in options.items() if name != "ssl"}
    sentinels = Sentinels(seeds, sentinel_kwargs={**shared, **timeouts, **credentials})
    client: redis.Redis = sentinels.master_for(
        service, connection_pool_class=PrimaryPool, connection_class=connection_class, **for_primary
    )
    return client
