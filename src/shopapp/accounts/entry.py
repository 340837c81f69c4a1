"""The one way in: whoever has proved who they are comes through here, with their session, cart and device."""

from collections.abc import Callable
from datetime import UTC, datetime

from pyramid.request import Request

from shopapp.accounts.devices import device_name
from shopapp.accounts.known_devices import known_devices
from shopapp.accounts.models import User
from shopapp.accounts.owed import pay_after_sign_in
from shopapp.accounts.store import is_unchanged
from shopapp.accounts.validity import mark_of
from shopapp.events import LoginRepeated, UserLoggedIn, UserLoggedOut
from shopapp.mail import post, send_soon
from shopapp.sessions import keep_valid, save

REPEATED = "login_was_repeated"
"""The attribute of a request whose sign-in form was sent before."""


def let_in(
    request: Request,
    user: User,
    *,
    keep: bool = False,
    form: str = "",
    is_still_right: Callable[[], bool] = lambda: False,
    is_first: bool = False,
) -> bool:
    """Sign the person in; False, and nobody is, if they lost that right meanwhile. Raises StoreUnavailable.

    ``is_still_right`` is asked where the account was changed meanwhile. A person's first sign-in marks the device;
    any other with a device that is new to the account is told by mail.
    """
    event = UserLoggedIn(request, user.id, user.email, user.name, keep=keep, form=form, mark=mark_of(user))
    request.registry.notify(event)
    # A change of the password, or disabling the account, ends all sessions that it finds after its commit. So that it
    # finds this one, or this one finds the change, in whatever order the two run: first save, then look again.
    save(request)
    if not is_unchanged(request.dbsession, user):
        if not is_still_right():
            request.registry.notify(UserLoggedOut(request, user.id))
            return False
        keep_valid(request, mark_of(user))  # the proof was judged again, by the record as it is now
    pay_after_sign_in(request, user)
    devices = known_devices(request)
    if not is_first and not devices.knows(request, user.id) and not getattr(request, REPEATED, False):
        _tell_new_device(request, user)
    devices.remember(request, user.id)
    return True


def on_login_repeated(event: LoginRepeated) -> None:
    """Note it: the same sign-in was told of already."""
    setattr(event.request, REPEATED, True)


def _tell_new_device(request: Request, user: User) -> None:
    post(
        request.dbsession,
        "new_device",
        user.email,
        user=user.id,
        at=datetime.now(UTC).isoformat(),
        device=device_name(request.user_agent or ""),
        address=request.remote_addr or "",
    )
    send_soon(request)
