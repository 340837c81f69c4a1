"""What a request tries, counted before anything is looked up, hashed, sent or stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from pyramid.request import Request

from shopapp.events import Throttled
from shopapp.http import TooOftenError
from shopapp.redis import client_of
from shopapp.sessions.macs import Mac
from shopapp.settings.shop import Settings
from shopapp.throttle.buckets import HOUR, Allowance, Bucket, forget, give_back, take
from shopapp.throttle.networks import origin_of

LIMITS = "shopapp.throttle.limits"
"""Where in the registry the app's :class:`Limits` are."""

MAILS = 5
"""Of one kind to one address in an hour, and of one person to new addresses: more than anybody needs who does not find
the first one, and no way to fill a mailbox."""

GUEST_ORDERS = 10
"""Of guests with one address of mail in an hour, each with a letter there: whoever orders more can sign in for it."""


class Limits:
    """The allowances of the settings, and how names are written in Redis: hashed under the newest secret, so that it
    holds neither an address of mail nor of a network that could be read or guessed. A new secret forgets all tries.
    """

    def __init__(self, settings: Settings) -> None:
        shop = settings.shop
        self._mac = Mac(settings.sessions.secrets[0], "throttle")
        self.address = Allowance(shop.tries_per_address)
        self.network = Allowance(shop.tries_per_network)
        pause = HOUR / shop.visitor_carts_per_network
        self.carts = Allowance(shop.visitor_carts_per_network, first=pause, last=pause)
        self.own = Allowance(shop.login_tries)
        self.anywhere = Allowance(10 * shop.login_tries)
        self.mails = Allowance(MAILS, first=60.0, last=HOUR)
        self.guest_orders = Allowance(GUEST_ORDERS, first=60.0, last=HOUR)

    def key(self, *parts: str) -> str:
        """Return the key of what is named by the parts: in the slot of the first two."""
        tag = self._hashed(*parts[:2])
        return f"throttle:{{{tag}}}" + (f":{self._hashed(*parts)}" if len(parts) > 2 else "")

    def _hashed(self, *parts: str) -> str:
        return self._mac(":".join(parts).encode("utf-8", "surrogatepass"))[:32].decode()


@dataclass
class Tries:
    """What is counted of one request. ``action`` is the word of the event that tells that it was too often."""

    request: Request
    action: str
    device: Callable[[], str | None] = lambda: None
    """Asked where an allowance is used up, or places are short: a name of the device, if it is known to the account.
    Then the try counts for that instead, so that no stranger's tries keep out whoever has been here before."""
    _by_address: list[Bucket] = field(default_factory=list)
    _named: list[list[Bucket]] = field(default_factory=list)
    _is_by_device: bool = False

    def by_address(self, kind: str) -> Self:
        """Count for the request's address and the network around it, of all tries of this kind.

        Raises TooOftenError and StoreUnavailable.
        """
        limits, origin = limits_of(self.request), origin_of(self.request)
        address = Bucket(limits.key(kind, origin.network, origin.address), limits.address)
        network = Bucket(limits.key(kind, origin.network), limits.network)
        if self._take([address, network], ("address", "network")):
            self._by_address = [address, network]
        return self

    def by_account(self, email: str) -> Self:
        """Count for an account, there or not: of the request's network, and of all networks together, which have ten
        times as much. So no flood from one place keeps its owner out, wherever else they are. Raises TooOftenError and
        StoreUnavailable.
        """
        limits, origin = limits_of(self.request), origin_of(self.request)
        here = Bucket(limits.key("account", email, origin.network), limits.own)
        anywhere = Bucket(limits.key("account", email), limits.anywhere)
        return self._count([here, anywhere], "account")

    def by_person(self, user_id: int, where: str) -> Self:
        """Count for a person: where they are signed in, and in all those places together, which have ten times as much.
        So whoever is in one of their sessions keeps them out of nothing in another. Raises TooOftenError and
        StoreUnavailable.
        """
        limits = limits_of(self.request)
        here = Bucket(limits.key("person", str(user_id), where), limits.own)
        anywhere = Bucket(limits.key("person", str(user_id)), limits.anywhere)
        return self._count([here, anywhere], "person")

    def by_guest(self, email: str) -> Self:
        """Count for the address that a guest's order is confirmed to, which may be a stranger's. Raises TooOftenError
        and StoreUnavailable.
        """
        limits = limits_of(self.request)
        return self._count([Bucket(limits.key("guest", email), limits.guest_orders)], "mail")

    def by_sender(self, user_id: int) -> Self:
        """Count for the person who has mail sent to an address that may be a stranger's. Raises TooOftenError and
        StoreUnavailable.
        """
        limits = limits_of(self.request)
        return self._count([Bucket(limits.key("sender", str(user_id)), limits.mails)], "person")

    def by_mail(self, email: str) -> Self:
        """Count for an address of mail, for what this action sends there alone: no letter of another kind keeps the
        link of a new password from its owner, and whoever asks for too many of these has sent them that link. Raises
        TooOftenError and StoreUnavailable.
        """
        limits = limits_of(self.request)
        return self._count([Bucket(limits.key("mail", email, self.action), limits.mails)], "mail")

    def succeed(self) -> None:
        """They were right: forget all tries by those names, and take this one back from the address, whose others stay:
        else whoever has an account could guess at another's for ever, with a right one in between. Raises
        StoreUnavailable.
        """
        for buckets in self._named:
            forget(client_of(self.request), buckets)
        self._named = []
        if self._by_address:
            give_back(client_of(self.request), self._by_address)
            self._by_address = []

    def _count(self, buckets: list[Bucket], reason: str) -> Self:
        if self._take(buckets, (reason,) * len(buckets)):
            self._named.append(buckets)
        return self

    def _take(self, buckets: list[Bucket], reasons: tuple[str, ...]) -> bool:
        """Whether it was counted there; False if it counts for the device. Raises TooOftenError."""
        if self._is_by_device:
            return False
        wait = take(client_of(self.request), buckets)
        if wait is None:
            return True
        reason, device = reasons[wait.index], self.device()
        if device is not None:
            limits = limits_of(self.request)
            bucket, reason = Bucket(limits.key("device", device), limits.own), "device"
            wait = take(client_of(self.request), [bucket])
            if wait is None:
                self._named.append([bucket])
                self._is_by_device = True
                return False
        self.request.registry.notify(Throttled(self.request, self.action, reason, is_first=wait.is_first))
        raise TooOftenError(wait.seconds)


def admit_cart(request: Request) -> None:
    """Count a cart that a visitor begins, for their network. Raises TooOftenError and StoreUnavailable."""
    limits = limits_of(request)
    bucket = Bucket(limits.key("cart", origin_of(request).network), limits.carts)
    wait = take(client_of(request), [bucket])
    if wait:
        request.registry.notify(Throttled(request, "cart", "network", is_first=wait.is_first))
        raise TooOftenError(wait.seconds)


def limits_of(request: Request) -> Limits:
    """Return the app's own."""
    found: Limits = request.registry[LIMITS]
    return found
