"""nginx in front of the app's processes, which can be told to send one of them nothing any more."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import BenchmarkError
from benchmarks.soak.parts import PATIENCE_SECONDS, Part, is_ready

# The clients all come from one machine. Each says which address it plays, which a proxy in public must not believe.
NGINX = """
daemon off;
{user}
pid {home}/nginx.pid;
error_log {home}/nginx-errors.log warn;
worker_processes 1;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  upstream shop {{
{servers}
  }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://shop;
      proxy_read_timeout 60s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $http_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


class Proxy:
    """The machine's nginx."""

    def __init__(self, home: Path, port: int, app_ports: Sequence[int]) -> None:
        """Raises BenchmarkError where there is none."""
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            raise BenchmarkError("no nginx on this machine: install Debian's package nginx-light")
        self._home, self._port, self._app_ports = home, port, app_ports
        self._configure(set())
        command = [program, "-c", home / "nginx.conf", "-e", home / "nginx-errors.log"]
        self.part = Part("nginx", command, home / "nginx.log", lambda: is_ready(port))

    def drain(self, numbers: set[int]) -> None:
        """Send these processes nothing any more; return when what was on its way to them has been answered."""
        before = self._workers()
        self._configure(numbers)
        self.part.send(signal.SIGHUP)
        # New workers take over in a moment; the old ones end with their last request.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while before & self._workers() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _workers(self) -> set[str]:
        pid = self.part.process.pid if self.part.process else 0
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def _configure(self, drained: set[int]) -> None:
        servers = "\n".join(
            # It is always asked: one that is down refuses at once, and the other is asked.
            f"    server 127.0.0.1:{port} max_fails=0{' down' if number in drained else ''};"
            for number, port in enumerate(self._app_ports)
        )
        # Started by root its workers would be another user's, who may not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        text = NGINX.format(home=self._home, port=self._port, servers=servers, user=user)
        (self._home / "nginx.conf").write_text(text)
