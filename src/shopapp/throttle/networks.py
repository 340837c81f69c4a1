"""From where a request comes: its address, and the network around it. Knows no Redis.

The address is what the WSGI server says (``REMOTE_ADDR``). Which proxies it believes is a setting of the server; no
header is read here.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from pyramid.request import Request

UNKNOWN = "unknown"
"""Whoever comes without an address that can be read, such as by a socket, is one and the same."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who one person may be, and who may be many. ``address``: an IPv4 address, or the /64 that an IPv6 customer gets
    at least (RFC 6177): they have all the addresses in it. ``network``: the /24, or the /48, around that.
    """

    address: str
    network: str


def origin_of(request: Request) -> Origin:
    """Return where the request comes from."""
    return _origin(request.remote_addr or "")


@lru_cache(10_000)
def _origin(text: str) -> Origin:
    try:
        found = ip_address(text.partition("%")[0])  # without the name of an interface
    except ValueError:
        return Origin(UNKNOWN, UNKNOWN)
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if isinstance(found, IPv6Address):
        return Origin(*(str(ip_network((found, bits), strict=False)) for bits in (64, 48)))
    return Origin(str(found), str(ip_network((found, 24), strict=False)))
