"""Every `metrics.*` key: who may see the numbers, and where several processes put theirs together."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from shopapp.settings import setting
from shopapp.settings.kinds import BadValueError, Kind

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def _networks(text: str) -> tuple[Network, ...] | None:
    if text.lower() in {"", "none"}:
        return None
    try:
        return tuple(ip_network(word) for word in text.split())
    except ValueError:
        remedy = "write networks such as 10.0.0.0/8 2001:db8::/32, with a space between"
        raise BadValueError("holds what is no network", remedy) from None


networks = Kind("networks or None", _networks)


def _folder(text: str) -> str | None:
    if text.lower() in {"", "none"}:
        return None
    if Path(text).exists() and not Path(text).is_dir():
        raise BadValueError("is no folder", "write the path of a folder that is there for these numbers alone")
    return text


folder = Kind("folder or None", _folder)


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """Every `metrics.*` key."""

    networks: tuple[Network, ...] | None = setting(
        None, networks, "Who may see /metrics; None: in production this machine alone, else everybody."
    )
    folder: str | None = setting(
        None, folder, "Where all processes of this machine put their numbers together; None: each tells its own."
    )
