"""What belongs to every page: templates, static files, headers, the cross-site check, error pages, health, metrics."""

from functools import lru_cache

from pyramid.config import PHASE3_CONFIG, Configurator
from pyramid.events import BeforeRender
from pyramid.tweens import EXCVIEW

from shopapp.web.pages import PageMemory, shared_view
from shopapp.web.request import ADDRESSES, Addresses, make_request_class
from shopapp.web.shell import money_filter, on_before_render
from shopapp.web.static import ContentDigest

STATIC_SECONDS = 365 * 24 * 60 * 60
"""Static addresses change with their content, so browsers may keep them."""

REMEMBERED = {
    "shopapp:web/templates/icons.jinja2": ("icon", "mark", "landscape"),
    "shopapp:cart/templates/line.jinja2": ("cart_line",),
}
"""Template: its macros that are global to all templates, and remembered."""

MAX_REMEMBERED = 2_000
"""Of one macro; the longest makes some 2 kB."""


def includeme(config: Configurator) -> None:
    """Install all of it."""
    config.action(None, make_request_class, args=(config,), order=PHASE3_CONFIG + 1)
    config.registry[ADDRESSES] = Addresses(config.registry)
    config.registry["shopapp.pages"] = PageMemory()
    config.add_view_deriver(shared_view)
    config.add_settings({"jinja2.filters": {"money": money_filter(config.registry["shopapp.settings"].shop)}})
    config.include("pyramid_jinja2")
    config.action(None, _remember_macros, args=(config,), order=PHASE3_CONFIG + 1)
    config.add_subscriber(on_before_render, BeforeRender)
    config.add_static_view("static", "shopapp:web/static", cache_max_age=STATIC_SECONDS)
    config.add_cache_buster("shopapp:web/static", ContentDigest("shopapp:web/static"))
    config.add_route("healthz", "/healthz")
    config.add_route("readyz", "/readyz")
    config.add_route("metrics", "/metrics")
    config.add_tween("shopapp.web.headers.security_headers_factory", over="pyramid_tm.tm_tween_factory")
    config.add_tween("shopapp.web.cross_site.cross_site_check_factory", under=EXCVIEW)
    config.scan("shopapp.web.errors")
    config.scan("shopapp.web.health")


def _remember_macros(config: Configurator) -> None:
    """Give all templates the macros that depend on nothing but what they are given, each to be made once."""
    templates = config.get_jinja2_environment()
    for template, names in REMEMBERED.items():
        made = templates.get_template(template).module
        templates.globals |= {name: lru_cache(MAX_REMEMBERED)(getattr(made, name)) for name in names}
