"""Every `shop.*` key, and the settings of the whole app: these, those of mail and of sessions. Connects to nothing.

docs/settings.md lists the same keys; a test compares the two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from shopapp.sessions.settings import SessionSettings, read_session_settings
from shopapp.settings import Rule, kinds, raise_complaints, read, setting
from shopapp.settings.mail import MailSettings
from shopapp.settings.metrics import MetricsSettings
from shopapp.settings.shop_kinds import (
    countries,
    currency_code,
    locale_name,
    origins,
    percentage,
    shop_url,
    sql_url,
    text_file,
)

TOP_PRICE = 1_000_000_000
TOP_TRIES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ShopSettings:
    """Every `shop.*` key."""

    production: bool = setting(False, kinds.boolean, "Refuse to start with settings that are unsafe in public.")
    database_url: str = setting("sqlite:///var/shop.sqlite", sql_url, "Catalogue and people.", env="DATABASE_URL")
    database_connections: int = setting(
        15, kinds.integer(3, 1000), "Connections to PostgreSQL of one process at most; fewer than its threads."
    )
    database_connect_timeout: int = setting(
        2, kinds.integer(2, 60, "seconds"), "So long may a connection to PostgreSQL take to be made."
    )
    database_pool_timeout: float = setting(
        5.0, kinds.some_seconds(0.1, 60), "So long does a request wait for a connection that others have."
    )
    database_statement_timeout: float | None = setting(
        5.0,
        kinds.seconds(0.1, 3600),
        "A statement of a request may take so long, or on SQLite wait for another writer; None: for ever.",
    )
    currency: str = setting("EUR", currency_code, "Currency of every price.")
    url: str = setting("http://localhost:6543", shop_url, "The shop's address, for links in mails.", env="SHOP_URL")
    name: str = setting(
        "Saltmarsh", kinds.text(r"[^\s<>][^<>\r\n]{0,99}", "write a name in one line"), "The shop's name."
    )
    locale: str = setting("en_IE", locale_name, "How prices and dates are written.")
    page_size: int = setting(12, kinds.integer(1, 100), "Products on a page of the catalogue.")
    cart_max_quantity: int = setting(999, kinds.integer(1, 1_000_000), "Units in one line of a cart at most.")
    cart_max_lines: int = setting(100, kinds.integer(1, 1_000), "Lines in a cart at most.")
    cart_thread: bool = setting(
        True,
        kinds.boolean,
        "Copy people's carts into the database, by a thread of the app; without, they are gone if Redis loses them.",
    )
    delivery_fee: int = setting(490, kinds.integer(0, TOP_PRICE, "minor units"), "What delivery costs.")
    free_delivery_from: int | None = setting(
        5000,
        kinds.integer(1, TOP_PRICE, "minor units", optional=True),
        "From this price of the goods on delivery is free; None: never.",
    )
    tax_rate: Decimal = setting(  # noqa: RUF009 - the value is as immutable as the others
        Decimal(23), percentage, "The tax that is in every price and in the delivery fee."
    )
    countries: tuple[str, ...] = setting(("IE", "GB", "DE", "FR", "NL"), countries, "Where the shop delivers to.")
    imprint: str | None = setting(None, text_file, "Who the shop is: a text for /imprint; None: an example.")
    terms: str | None = setting(None, text_file, "Terms and conditions, for /terms; None: an example.")
    privacy: str | None = setting(None, text_file, "What becomes of people's data, for /privacy; None: an example.")
    returns: str | None = setting(None, text_file, "How things go back, for /returns; None: an example.")
    password_hashes: int | None = setting(
        None,
        kinds.integer(1, 64, optional=True),
        "Passwords hashed at a time in each process, with 64 MiB each; None: one for each two processors.",
    )
    login_tries: int = setting(
        10,
        kinds.integer(1, TOP_TRIES),
        "Wrong passwords for one account at once, and in an hour; then each waits, twice as long as the one before.",
    )
    tries_per_address: int = setting(
        30,
        kinds.integer(1, TOP_TRIES),
        "The same for all that one address (IPv6: a /64) tries: to sign in, to be sent mail, to order as a guest.",
    )
    tries_per_network: int = setting(
        120, kinds.integer(1, TOP_TRIES), "The same for the network around an address: a /24, or an IPv6 /48."
    )
    visitor_carts_per_network: int = setting(
        1000,
        kinds.integer(1, TOP_TRIES),
        "Carts that visitors from one network (/24, or IPv6 /48) may begin at once, and in an hour.",
    )
    proof_seconds: int = setting(
        600,
        kinds.integer(0, 86_400, "seconds"),
        "So long after they have shown their password people end other sessions without showing it again.",
    )
    trusted_origins: tuple[str, ...] = setting(
        (), origins, "Other origins that may send forms to this shop, with a space between."
    )
    request_id_from_proxy: bool = setting(
        False, kinds.boolean, "Take the X-Request-ID that the trusted proxy sets; else each request gets one here."
    )


RULES: tuple[Rule[ShopSettings], ...] = (
    Rule(
        ("url", "production"),
        lambda shop, written: shop.production and "url" in written and not shop.url.startswith("https://"),
        "is an address without HTTPS, which links in mails must not lead to",
        "write https://",
    ),
)


@dataclass(frozen=True)
class Settings:
    """All settings of the app."""

    sessions: SessionSettings
    shop: ShopSettings
    mail: MailSettings
    metrics: MetricsSettings = field(default_factory=MetricsSettings)


def load_settings(raw: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all that is the shop's, and `redis.sessions.*`. Raises SettingsError with every mistake in any of them."""
    shop = read(ShopSettings, "shop.", raw, environ)
    mail = read(MailSettings, "mail.", raw, environ)
    metrics = read(MetricsSettings, "metrics.", raw, environ)
    shop.judge(ShopSettings(**shop.values), RULES)
    production = shop.values.get("production", False)
    sessions, complaints = read_session_settings(raw, environ, production=production)
    raise_complaints([*shop.complaints, *mail.complaints, *metrics.complaints, *complaints])
    return Settings(
        sessions=sessions,
        shop=ShopSettings(**shop.values),
        mail=MailSettings(**mail.values),
        metrics=MetricsSettings(**metrics.values),
    )
