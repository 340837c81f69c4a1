"""What is written to people, and its way out: an outbox in SQL, so that no mail is lost and none tells what is not."""

from pathlib import Path
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.events import NewRequest

from shopapp.mail.folder import MailFolder
from shopapp.mail.letter import LetterWriter
from shopapp.mail.outbox import FOLDER, KINDS, POSTMAN, SENDER, add_letter, post, send_soon, wake
from shopapp.mail.postman import Postman, on_new_request
from shopapp.mail.sending import Sender
from shopapp.mail.smtp import SmtpServer
from shopapp.mail.transport import Transport

__all__ = ["add_letter", "includeme", "post", "send_soon", "wake"]


def includeme(config: Configurator) -> None:
    """Install the outbox and who sends what is in it."""
    settings = config.registry["shopapp.settings"]
    writer = LetterWriter(settings.shop, settings.mail.sender)
    transport: Transport
    if settings.mail.url.startswith("folder:"):
        transport = config.registry[FOLDER] = MailFolder(Path(settings.mail.url.removeprefix("folder:")))
    else:
        transport = SmtpServer(settings.mail.url, urlsplit(settings.shop.url).hostname)
    kinds = config.registry.setdefault(KINDS, {})
    config.registry[SENDER] = Sender(config.registry["shopapp.sessionmaker"], kinds, writer, transport)
    add_letter(config, "trial", lambda _dbsession, _letter: {})
    if settings.mail.thread:
        config.registry[POSTMAN] = Postman(config.registry)
        config.add_subscriber(on_new_request, NewRequest)
    if FOLDER in config.registry and not settings.shop.production:  # what is mailed opens accounts
        config.add_route("mail", "/mail")
        config.add_route("letter", "/mail/{name}")
        config.scan("shopapp.mail.views")
