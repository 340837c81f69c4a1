"""What belongs to every page: templates, static files, headers, the cross-site check, error pages, health, the
name of each request."""

from pyramid.config import PHASE3_CONFIG, Configurator
from pyramid.events import BeforeRender
from pyramid.tweens import EXCVIEW

from shopapp.db import database_watch
from shopapp.money import money_filter
from shopapp.web.macros import remember_macros
from shopapp.web.pages import PageMemory, shared_view
from shopapp.web.request import ADDRESSES, Addresses, make_request_class
from shopapp.web.request_id import name_requests
from shopapp.web.shell import on_before_render


def includeme(config: Configurator) -> None:
    """Install all of it."""
    config.action(None, make_request_class, args=(config,), order=PHASE3_CONFIG + 1)
    config.action(None, name_requests, args=(config,), order=PHASE3_CONFIG + 1)
    config.registry[ADDRESSES] = Addresses(config.registry)
    watch = database_watch(config.registry)
    config.registry["shopapp.pages"] = PageMemory(lambda: watch.doubtful)
    config.add_view_deriver(shared_view)
    config.add_settings({"jinja2.filters": {"money": money_filter(config.registry["shopapp.settings"].shop)}})
    config.include("pyramid_jinja2")
    config.action(None, remember_macros, args=(config,), order=PHASE3_CONFIG + 1)
    config.add_subscriber(on_before_render, BeforeRender)
    config.include("shopapp.web.static")
    config.add_route("healthz", "/healthz")
    config.add_route("readyz", "/readyz")
    config.add_tween("shopapp.web.headers.security_headers_factory", over="pyramid_tm.tm_tween_factory")
    config.add_tween("shopapp.web.cross_site.cross_site_check_factory", under=EXCVIEW)
    config.scan("shopapp.web.errors")
    config.scan("shopapp.web.health")
