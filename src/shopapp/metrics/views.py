"""``/metrics``: all numbers, for Prometheus, and for whoever is in the right network. To others it is not there."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pyramid.httpexceptions import HTTPNotFound, HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.metrics.folder import FolderBusyError, collect
from shopapp.settings.metrics import LOOPBACK, MetricsSettings, Network

WAITING = "shopapp.metrics.letters"
"""Where in the registry the :class:`shopapp.metrics.letters.WaitingLetters` are."""


class _Counts(Collector):
    """What this process has counted, or all that count into the folder."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return them, and how many processes they are of."""
        counted, processes = collect(Path(self._folder)) if self._folder else (REGISTRY.collect(), 1)
        yield from counted
        yield GaugeMetricFamily("shopapp_processes", "Processes that count here", processes)


@view_config(route_name="metrics", request_method="GET")
def metrics(request: Request) -> Response:
    """The numbers. Raises HTTPNotFound, and HTTPServiceUnavailable if they cannot be read at the moment."""
    settings: MetricsSettings = request.registry["shopapp.settings"].metrics
    if not may_see(request.remote_addr, networks_of(request)):
        raise HTTPNotFound
    registry = CollectorRegistry()
    try:
        registry.register(_Counts(settings.folder))
        registry.register(request.registry[WAITING])
        text = generate_latest(registry)
    except FolderBusyError as error:
        raise HTTPServiceUnavailable("The numbers cannot be read at the moment.") from error
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})


def networks_of(request: Request) -> tuple[Network, ...] | None:
    """Return who may see them; None for everybody, as in development where nothing else is said."""
    settings = request.registry["shopapp.settings"]
    networks: tuple[Network, ...] | None = settings.metrics.networks
    return LOOPBACK if networks is None and settings.shop.production else networks


def may_see(address: str | None, networks: tuple[Network, ...] | None) -> bool:
    """Tell whether an address is in one of the networks. ``localhost`` is who comes by a Unix socket."""
    if networks is None:
        return True
    try:
        found = ip_address("127.0.0.1" if address == "localhost" else address or "")
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    return any(found in network for network in networks)
