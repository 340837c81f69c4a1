"""Every `shop.*` key, and the settings of the whole app: these and those of the sessions. Connects to nothing.

docs/settings.md lists the same keys; a test compares the two.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from babel.numbers import is_currency
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shopapp.sessions.settings import SessionSettings, read_session_settings
from shopapp.settings import kinds, raise_complaints, read, setting
from shopapp.settings.kinds import BadValueError, Kind
from shopapp.settings.urls import scheme_note


def _currency(code: str) -> str:
    if not is_currency(code.upper()):
        raise BadValueError("is not a currency", "write the ISO 4217 code, such as EUR")
    return code.upper()


currency_code = Kind("ISO 4217 code", _currency)


def _locale(name: str) -> str:
    remedy = "write language and country, such as en_IE"
    try:
        found = Locale.parse(name)
    except (ValueError, UnknownLocaleError):
        raise BadValueError("is not a locale", remedy) from None
    # Babel answers en_US for en_ZZ: an unknown country would go unnoticed.
    if not set(name.split("_")) <= set(str(found).split("_")):
        raise BadValueError("is not a known locale", remedy)
    return name


locale_name = Kind("locale", _locale)


def _database_url(url: str) -> str:
    remedy = "write sqlite:///path/to/file or postgresql+psycopg://user:password@host/database"
    # Hosting platforms hand out the first two spellings; SQLAlchemy does not know the first one at all.
    url = re.sub(r"^(postgres|postgresql)://", "postgresql+psycopg://", url)
    if not url.startswith(("sqlite://", "postgresql+psycopg://")):
        raise BadValueError(scheme_note(url), remedy)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # their messages may quote the URL
        raise BadValueError("cannot be read", remedy) from None
    if url.startswith("postgresql") and not parsed.database:
        raise BadValueError("names no database", remedy)
    return url


sql_url = Kind("URL", _database_url, private=True)


def _origins(value: str) -> tuple[str, ...]:
    return tuple(_origin(word) for word in value.split())


def _origin(url: str) -> str:
    url = url.lower()
    refusal = BadValueError(
        "holds what is not an origin",
        "write scheme and host, such as https://shop.example, with a space between several",
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refusal from None
    is_bare = parts.hostname and "@" not in parts.netloc and url == f"{parts.scheme}://{parts.netloc}"
    if not is_bare or parts.scheme not in {"http", "https"}:
        raise refusal
    # A browser leaves the scheme's own port out of the Origin header.
    own_port = {"http": 80, "https": 443}[parts.scheme]
    return url.removesuffix(f":{port}") if port == own_port else url


origins = Kind("origins", _origins, private=True)


@dataclass(frozen=True, kw_only=True)
class ShopSettings:
    """Every `shop.*` key."""

    production: bool = setting(False, kinds.boolean, "Refuse to start with settings that are unsafe in public.")
    database_url: str = setting("sqlite:///var/shop.sqlite", sql_url, "Catalogue and people.", env="DATABASE_URL")
    currency: str = setting("EUR", currency_code, "Currency of every price.")
    locale: str = setting("en_IE", locale_name, "How prices and dates are written.")
    page_size: int = setting(12, kinds.integer(1, 100), "Products on a page of the catalogue.")
    cart_max_quantity: int = setting(999, kinds.integer(1, 1_000_000), "Units in one line of a cart at most.")
    cart_max_lines: int = setting(100, kinds.integer(1, 1_000), "Lines in a cart at most.")
    trusted_origins: tuple[str, ...] = setting(
        (), origins, "Other origins that may send forms to this shop, with a space between."
    )


@dataclass(frozen=True)
class Settings:
    """All settings of the app."""

    sessions: SessionSettings
    shop: ShopSettings


def load_settings(raw: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `shop.*` and `redis.sessions.*`. Raises SettingsError with every mistake in either."""
    shop = read(ShopSettings, "shop.", raw, environ)
    production = shop.values.get("production", False)
    sessions, complaints = read_session_settings(raw, environ, production=production)
    raise_complaints([*shop.complaints, *complaints])
    return Settings(sessions=sessions, shop=ShopSettings(**shop.values))
