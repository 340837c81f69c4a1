"""The kinds of the shop's own settings: currencies, countries, addresses. Knows no key and connects to nothing."""

import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import is_currency
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

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
    return _bare_origin(
        url,
        BadValueError(
            "holds what is not an origin",
            "write scheme and host, such as https://shop.example, with a space between several",
        ),
    )


def _bare_origin(url: str, refusal: BadValueError) -> str:
    url = url.lower()
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


def _shop_url(url: str) -> str:
    return _bare_origin(
        url.rstrip("/"),
        BadValueError("is not the address of a site", "write scheme and host, such as https://shop.example"),
    )


shop_url = Kind("URL", _shop_url, private=True)


def _countries(value: str) -> tuple[str, ...]:
    codes = tuple(value.upper().split())
    known = get_global("territory_aliases"), Locale("en").territories
    if not codes or any(len(code) != 2 or code not in known[1] or code in known[0] for code in codes):
        raise BadValueError("holds what is no country", "write ISO 3166 codes, such as IE GB, with a space between")
    return tuple(dict.fromkeys(codes))


countries = Kind("country codes", _countries)


def _percentage(value: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", value):
        raise BadValueError("is not a percentage", "write a number such as 23 or 13.5")
    return Decimal(value)


percentage = Kind("percent", _percentage)


def _text_file(path: str) -> str:
    try:
        Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadValueError("is no file of text that can be read", "write the path of a text file in UTF-8") from None
    return path


text_file = Kind("file or None", lambda path: None if path.lower() in {"", "none"} else _text_file(path))
