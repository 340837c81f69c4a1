"""What comes before a password is looked at: the tries are counted, and there is a place to hash in. In this order, or
a flood would fill the line; and Redis is asked before anything is hashed, so where it is away nothing is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import time
from typing import Any

from pyramid.request import Request

from shopapp.accounts.hashing import PLACES
from shopapp.accounts.known_devices import known_devices
from shopapp.accounts.models import User
from shopapp.accounts.passwords import verify_password
from shopapp.accounts.store import find_user
from shopapp.events import Throttled, UserLoginFailed
from shopapp.http import BusyError
from shopapp.sessions import session_name, session_started
from shopapp.throttle.networks import origin_of
from shopapp.throttle.tries import Tries

PROVED = "proved_at"
"""The session's key for when the person last showed their password again after the login, in seconds since 1970."""


def count_login(request: Request, email: str) -> Tries:
    """Count a sign-in for address, network and account, known or not; where an allowance is used up, for the device if
    the account knows it. Raises TooOftenError and StoreUnavailable.
    """
    return Tries(request, "login", _known_device(request, email)).by_address("login").by_account(email)


def count_forgotten(request: Request, email: str) -> Tries:
    """Count a wish for the link to a new password, for address, network and the address of the mail; where an allowance
    is used up, for the device if the account knows it. Raises TooOftenError and StoreUnavailable.
    """
    return Tries(request, "forgotten", _known_device(request, email)).by_address("mail").by_mail(email)


def _known_device(request: Request, email: str) -> Callable[[], str | None]:
    def known_device() -> str | None:
        devices = known_devices(request)
        user = find_user(request.dbsession, email) if devices.is_shown(request) else None
        return devices.name_for(request, user.id) if user else None

    return cache(known_device)


def count_proof(request: Request) -> Tries:
    """Count a try of who is signed in to show their password, for this session and for the person. A thief of the
    session's cookie has none of the device's, so they are counted apart even there, and use up a tenth of what the
    person has. Raises TooOftenError and StoreUnavailable.
    """
    user_id = request.identity.user_id
    device = known_devices(request).name_for(request, user_id) or ""
    return Tries(request, "password").by_person(user_id, f"{session_name(request)}:{device}")


WRONG_PASSWORD = "This is not your password."  # noqa: S105 - a message


@contextmanager
def place_to_hash(request: Request, tries: Tries) -> Iterator[None]:
    """Have a place where passwords are hashed until the end of the block.

    Raises BusyError. The tries stay counted: a flood would else stand in line for ever.
    """
    try:
        with PLACES.place(origin_of(request).network, is_known=tries.device() is not None):
            yield
    except BusyError:
        request.registry.notify(Throttled(request, tries.action, "busy"))
        raise


def note_proof(request: Request) -> None:
    """Note that the person has shown their password just now."""
    request.session[PROVED] = int(time())


def prove(request: Request, field: Any) -> User | None:
    """Return who is signed in if the field has their password, and note it; if not, the field says so.

    Raises TooOftenError, BusyError and StoreUnavailable.
    """
    tries = count_proof(request)
    with place_to_hash(request, tries):
        user = request.dbsession.get(User, request.identity.user_id)
        is_right = verify_password(user.password_hash if user else None, field.data)
    if not is_right or user.disabled_at is not None:
        refuse_proof(request, field)
        return None
    tries.succeed()
    note_proof(request)
    return user


def refuse_proof(request: Request, field: Any) -> None:
    """Say at the field that this is not the password. It was a guess like one at the login, so it is told like one: or
    whoever finds a browser signed in could guess on.
    """
    request.registry.notify(UserLoginFailed(request, request.identity.email))
    field.errors = [WRONG_PASSWORD]


def needs_proof(request: Request) -> bool:
    """Tell whether the person has to show their password again for what matters: the last time, at the login or since,
    is too long ago. One of the future is none: the clock was set back, and it would stay good until then.
    """
    now, allowed = time(), request.registry["shopapp.settings"].shop.proof_seconds
    times = session_started(request), request.session.get(PROVED, 0)
    return not any(0 <= now - moment <= allowed for moment in times)
