"""What the events of a person's coming and going do to their session. Part of those events: an error fails the request."""

from shopapp.events import UserLoggedIn, UserLoggedOut
from shopapp.sessions.keeper import USER_KEY, keeper_of


def on_user_logged_in(event: UserLoggedIn) -> None:
    """Store who it is and rotate the id, so that an id known from before the login opens nothing (session fixation)."""
    keeper = keeper_of(event.request)
    if keeper.user_id not in (None, event.user_id):
        # Another person was logged in in this browser: nothing of theirs may pass on.
        keeper.end("logout")
    event.request.session[USER_KEY] = {"id": event.user_id, "email": event.email, "name": event.name}
    keeper.rotate("login")


def on_user_logged_out(event: UserLoggedOut) -> None:
    """End the session in Redis at once."""
    keeper_of(event.request).end("logout")
