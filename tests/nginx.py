"""A caching proxy in front of the shop: the machine's nginx, which keeps what the answers let it keep.

Loaded as a pytest plugin. Without nginx on the machine the tests that need it are skipped.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from browsing import serve

PATIENCE_SECONDS = 10

# No directive says what may be kept, nor for how long: the answers do.
CONFIGURATION = """
daemon off;
{user}
pid {home}/pid;
error_log {home}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  proxy_cache_path {home}/cache keys_zone=shop:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {upstream};
      proxy_set_header Host $http_host;
      proxy_cache shop;
      proxy_cache_revalidate on;
      proxy_cache_lock on;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


@pytest.fixture
def cached_url(shop_app: Callable[..., Any], tmp_path: Path) -> Iterator[str]:
    """Where the shop is, behind nginx with a cache that is empty."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("no nginx on this machine: install Debian's package nginx-light")
    with ExitStack() as stack:
        upstream = stack.enter_context(serve(shop_app))
        yield stack.enter_context(_running(program, upstream, tmp_path))


@contextmanager
def _running(program: str, upstream: str, home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Started by root its workers would be another user's, who may not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = home / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(home=home, port=port, upstream=upstream, user=user))
    server = subprocess.Popen([program, "-c", configuration, "-e", home / "error.log"])
    try:
        _wait_for(port, server, home / "error.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return
