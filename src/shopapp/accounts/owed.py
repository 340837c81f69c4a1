"""What a password change owes where Redis was away after its commit: that all other sessions of the person end.

Only who has shown the new password may pay it: any other session may be a thief's, and the one that pays stays.
"""

from pyramid.request import Request

from shopapp.accounts.models import User
from shopapp.sessions import end_others

OWED = "owes_sign_out"
"""The key of a session that has changed the password."""


def pay_after_sign_in(request: Request, user: User) -> None:
    """End the other sessions if that is owed. Raises StoreUnavailable."""
    if user.owes_sign_out:
        end_others(request, user.id)
        user.owes_sign_out = False


def pay_after_change(request: Request, user_id: int) -> None:
    """The same, in the session that has changed the password. Raises StoreUnavailable."""
    if OWED not in request.session:
        return
    user = request.dbsession.get(User, user_id)
    if user:
        pay_after_sign_in(request, user)
    request.session.pop(OWED)
