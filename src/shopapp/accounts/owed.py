"""What a change of password or address owes where Redis was away after its commit: that all other sessions of the
person end.

Only who has shown the password as it is now may pay it: any other session may be a thief's, and the one that pays
stays.
"""

from pyramid.request import Request
from sqlalchemy import update

from shopapp.accounts.models import User
from shopapp.sessions import after_commit, count_sessions_of, end_others

OWED = "owes_sign_out"
"""The key of a session that has changed the password or address."""


def owe_sign_out(request: Request, user: User, *, stays: bool) -> None:
    """Note that the person's other sessions have yet to end, until it is known that none is left but this one, if it
    ``stays``. To be called after the event whose subscribers end them after the commit.
    """
    user_id, user.owes_sign_out = user.id, True
    if stays:
        request.session[OWED] = True

    def forget_the_note() -> None:
        if count_sessions_of(request, user_id) <= stays:
            with request.registry["shopapp.sessionmaker"].begin() as dbsession:
                dbsession.execute(update(User).where(User.id == user_id).values(owes_sign_out=False))

    after_commit(request, forget_the_note)


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
