"""The start as operators see it, out of an ini: what is wrong is one sentence that says what to do, no traceback.

``pserve`` and ``shopapp serve`` come this way: they find the app and waitress by the entry points in setup.py. Whoever
calls ``shopapp.main()`` gets its exceptions, and is spared these looks at the world.
"""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.router import Router
from sqlalchemy.exc import DBAPIError
from waitress import create_server
from waitress.adjustments import Adjustments

import shopapp
from shopapp.accounts.hashing import PLACES
from shopapp.db import DatabaseSetupError, create_engine_from
from shopapp.embedded import EmbeddedServerError
from shopapp.lanes import TwoLanes
from shopapp.metrics.folder import MetricsFolderError
from shopapp.redis import (
    ADVICE,
    EVICTION_REMEDY,
    Client,
    StoreUnavailable,
    client_of,
    evicting_policies,
    unavailable_on_error,
)
from shopapp.schema import UPGRADE, SchemaError, advice_on, check_schema
from shopapp.settings import SettingsError
from shopapp.settings.mail import MailSettings
from shopapp.settings.shop import Settings, ShopSettings
from shopapp.texts import TEXTS, examples_in_use

log = logging.getLogger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Any]


class CannotStartError(Exception):
    """There is something that only the operator can mend; the message says what."""


MISTAKES = (
    CannotStartError,
    DatabaseSetupError,
    EmbeddedServerError,
    MetricsFolderError,
    SchemaError,
    SettingsError,
)


def make_app(global_config: dict[str, str], **settings: Any) -> Router:
    """Return the app. What only the operator can mend ends the process, with status 2: settings, a missing driver, a
    folder nobody may write to, tables that are missing or older. What comes back by itself, such as a database or a
    Redis that is away, is told in the log, and the shop starts.
    """
    try:
        app = shopapp.main(global_config, **settings)
        found: Settings = app.registry["shopapp.settings"]
        check_mail_folder(found.mail)
        check_database(found.shop)
    except StoreUnavailable as error:  # a cluster has to be there: its nodes are asked for at once
        refuse(f"{error}\n{ADVICE}")
    except MISTAKES as error:
        refuse(str(error).replace(UPGRADE, f"shopapp -c {global_config.get('__file__', 'the.ini')} db upgrade"))
    try:
        look_for_redis(app.registry, found)
    except MISTAKES as error:
        refuse(str(error))
    for line in unfit_for_public(found, examples_in_use(app.registry[TEXTS])):
        log.warning("unfit_for_public %s", line)
    return app


def listen(_global_config: dict[str, str], **options: str) -> Callable[[WsgiApp], None]:
    """Return waitress as the ini's section has it, which has its address from here on: a port in use is told before
    anything else is begun.
    """
    made: list[WsgiApp] = []
    try:
        lanes = TwoLanes(Adjustments(**options).threads)
        server = create_server(
            lambda environ, start_response: made[0](environ, start_response), _dispatcher=lanes, **options
        )
    except OSError as error:
        address = options.get("listen") or options.get("unix_socket") or f"port {options.get('port', '8080')}"
        refuse(
            f"Cannot listen at {address}: {error.strerror or error}. End what listens there, such as another shop, or"
            " write another address into the section of the server."
        )
    except ValueError as error:
        refuse(f"The section of the server is wrong: {error}.")

    def serve(app: WsgiApp) -> None:
        made.append(app)
        lanes.open_slow_lane(PLACES.room)
        server.print_listen("Serving on http://{}:{}")
        server.run()

    return serve


def refuse(message: str) -> NoReturn:
    """Say it, and end the process."""
    print(message, file=sys.stderr)
    raise SystemExit(2)


def check_mail_folder(mail: MailSettings) -> None:
    """Make the folder, if mail goes into one. Raises CannotStartError if nobody may write there."""
    if not mail.url.startswith("folder:"):
        return
    folder = Path(mail.url.removeprefix("folder:"))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise CannotStartError(
            f"The folder for mail, {folder}, cannot be written to ({reason}). Let the user that the shop runs as write"
            " there, or write another one, or an smtp:// address, into mail.url"
        )


def check_database(shop: ShopSettings) -> None:
    """Raise SchemaError if the tables are missing or older, CannotStartError if SQLite's file cannot be written to."""
    engine = create_engine_from(shop)  # of its own: a server that forks must not share a connection
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.connect() as connection:
            check_schema(connection)
            if is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
    except DBAPIError as error:
        reason = " ".join(f"{error.orig} {advice_on(error)}".split())
        if is_sqlite and "locked" not in reason:  # which a long migration would be
            raise CannotStartError(f"The database cannot be used: {reason}") from error
        log.error("database_not_ready %s", reason)
    finally:
        engine.dispose()


def look_for_redis(registry: Registry, settings: Settings) -> None:
    """Tell of a Redis that is away: carts and accounts are a 503 until it is back, and the catalogue goes on.

    Raises CannotStartError, in production, for one that evicts sessions; /readyz looks again.
    """
    request = Request.blank("/")
    request.registry = registry
    client = client_of(request)
    try:
        with unavailable_on_error(client):
            client.ping()
        check_eviction(client, settings)
    except StoreUnavailable as error:
        log.error("store_unavailable %s %s", error, ADVICE)


def check_eviction(client: Client, settings: Settings) -> None:
    """Raise CannotStartError, in production, if Redis may throw sessions away; tell if it does not say."""
    if not settings.shop.production or settings.sessions.allow_eviction:
        return
    policies = evicting_policies(client)
    if policies is None:
        log.warning("eviction_unknown Redis forbids INFO and CONFIG: make sure that maxmemory-policy is noeviction")
    elif policies:
        raise CannotStartError(
            f"Redis has maxmemory-policy {' and '.join(policies)}: with its memory full it would end sessions and throw"
            f" carts away; {EVICTION_REMEDY}"
        )


def unfit_for_public(settings: Settings, examples: list[str]) -> list[str]:
    """Return what a shop in production should not be opened with, and what to do about each."""
    if not settings.shop.production:
        return []
    found = []
    if examples:
        keys = ", ".join(f"shop.{name}" for name in examples)
        found.append(f"{keys}: people are shown our example texts; write your own, and name their files in the ini")
    if not settings.shop.url.startswith("https://"):  # the default: one that is written has to
        found.append(f"shop.url is not written: links in mails lead to {settings.shop.url}; write the shop's address")
    elif settings.shop.url.endswith(".example"):
        found.append(
            f"shop.url is {settings.shop.url}, an example: links in mails lead nowhere; write the shop's address"
        )
    if settings.mail.sender.rstrip(">").endswith((".example", "@localhost")):
        found.append("mail.sender is an example: mail servers refuse it; write an address of the shop's own")
    if settings.mail.url.startswith("folder:"):
        found.append("mail.url is a folder: no mail leaves; write smtp://host:587 or smtps://host:465")
    return found
