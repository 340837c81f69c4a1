"""What is written to people, and its way out: an outbox in SQL, so that no mail is lost and none tells what is not."""

from pyramid.config import Configurator

from shopapp.mail.outbox import add_letter, post, send_soon

__all__ = ["add_letter", "includeme", "post", "send_soon"]


def includeme(config: Configurator) -> None:
    """Install the outbox."""
