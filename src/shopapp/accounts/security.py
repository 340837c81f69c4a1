"""Who a request is from, and what they may do. Reads the session, never the database."""

from dataclasses import dataclass
from typing import Any

from pyramid.interfaces import ISecurityPolicy
from pyramid.request import Request
from pyramid.security import Allowed, Denied
from zope.interface import implementer

from shopapp.sessions import USER_KEY

SIGNED_IN = "signed_in"
"""The one permission: a page with it is for people who have signed in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The person of a request, as the session knew them when they signed in."""

    user_id: int
    email: str
    name: str


@implementer(ISecurityPolicy)
class SessionSecurityPolicy:
    """Takes the identity from the session, where the login put it."""

    def identity(self, request: Request) -> Identity | None:
        """Return who is signed in. Raises StoreUnavailable if the session cannot be read."""
        user = request.session.get(USER_KEY)
        return Identity(user["id"], user["email"], user["name"]) if user else None

    def authenticated_userid(self, request: Request) -> int | None:
        """Return the id of who is signed in."""
        identity = self.identity(request)
        return identity.user_id if identity else None

    def permits(self, request: Request, context: Any, permission: str) -> Allowed | Denied:  # noqa: ARG002
        """Allow ``SIGNED_IN`` to whoever is signed in, and nothing else to anybody."""
        if permission == SIGNED_IN and self.identity(request):
            return Allowed("signed in")
        return Denied("needs %s", permission)

    def remember(self, request: Request, userid: int, **kw: Any) -> list[tuple[str, str]]:
        """Not how one signs in here: announce UserLoggedIn, so that the session id is rotated."""
        raise NotImplementedError("announce shopapp.events.UserLoggedIn instead")

    def forget(self, request: Request, **kw: Any) -> list[tuple[str, str]]:
        """Not how one signs out here: announce UserLoggedOut, so that the session is ended."""
        raise NotImplementedError("announce shopapp.events.UserLoggedOut instead")
