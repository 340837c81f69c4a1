"""What ``shopapp serve`` says instead of starting, and what it takes from the section of waitress."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shopapp.cli import cli
from shopapp.serving import CannotServeError, guarded, read_options

SECRET = "dGhpcyBvbmUgaXMgb25seSBmb3IgdGVzdHMgLSBub3RoaW5nIGVsc2UgMTIz"
PRODUCTION = Path(__file__).parents[2] / "production.ini"


def ini_with(directory: Path, server: str) -> str:
    path = directory / "shop.ini"
    path.write_text(f"[app:main]\nuse = egg:shopapp\nredis.sessions.secret = {SECRET}\n\n{server}")
    return str(path)


def serve(ini: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-c", ini, "serve", *arguments])


def test_production_ini_is_read_as_it_is_for_waitress():
    options = read_options(str(PRODUCTION), "main")

    assert [each[3] for each in options.listen] == [("127.0.0.1", 6543)]
    assert options.threads == 16
    assert options.trusted_proxy == "127.0.0.1"
    assert options.trusted_proxy_headers == {"x-forwarded-for", "x-forwarded-proto"}
    assert options.max_request_body_size == 2 * 1024 * 1024


def test_the_same_trust_as_on_waitress_where_nothing_is_said(tmp_path: Path):
    options = read_options(ini_with(tmp_path, "[server:main]\nuse = egg:waitress#main\nport = 1\n"), "main")

    assert options.trusted_proxy is None
    assert options.clear_untrusted_proxy_headers


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ("", "has no section [server:main]"),
        ("[server:other]\nport = 1\n", "has no section [server:main]"),
        ("[server:main]\nurl_scheme = https\nident = x\n", "[server:main] ident, url_scheme: granian has nothing like"),
        ("[server:main]\nthreads = many\n", "[server:main] invalid literal"),
        ("[server:main]\ntrusted_proxy_headers = forwarded\n", "[server:main] trusted_proxy_headers has no meaning"),
        ("[server:main]\nlisten = 127.0.0.1:1 127.0.0.2:1\n", "granian listens at one address"),
        ("[server:main]\nlisten = 192.0.2.1:1\n", "Cannot listen at 192.0.2.1, port 1: "),
    ],
)
def test_what_is_wrong_with_the_section_is_told_in_one_sentence(tmp_path: Path, server: str, complaint: str):
    result = serve(ini_with(tmp_path, server))

    assert result.exit_code == 1
    assert complaint in result.stderr
    assert len(result.output.splitlines()) == 1


def test_a_section_of_its_own_can_be_named(tmp_path: Path):
    ini = ini_with(tmp_path, "[server:main]\nident = x\n\n[server:granian]\nlisten = 192.0.2.1:1\n")

    assert "Cannot listen at 192.0.2.1" in serve(ini, "--server-name", "granian").stderr


def test_the_first_of_a_names_addresses_is_ipv4(tmp_path: Path):
    ini = ini_with(tmp_path, "[server:main]\nlisten = localhost:1\n")

    assert min(read_options(ini, "main").listen)[3] == ("127.0.0.1", 1)


def test_wrong_settings_are_told_before_anything_starts(tmp_path: Path):
    ini = ini_with(tmp_path, "shop.page_size = many\n\n[server:main]\nport = 1\n")

    result = serve(ini)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("shop.page_size")


def test_without_granian_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "shopapp.serving")
    for name in [name for name in sys.modules if name.partition(".")[0] == "granian"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "granian", None)

    result = serve(ini_with(tmp_path, "[server:main]\nport = 1\n"))

    assert result.exit_code == 1
    assert "pip install 'shopapp[granian]'" in result.stderr


def test_an_unknown_section_is_an_error_of_its_own(tmp_path: Path):
    with pytest.raises(CannotServeError, match=r"\[server:none\]"):
        read_options(ini_with(tmp_path, ""), "none")


@pytest.mark.parametrize(
    "headers", [{"HTTP_X_FORWARDED_FOR": '"abc'}, {"HTTP_X_FORWARDED_FOR": "x", "HTTP_X_FORWARDED_PROTO": "gopher"}]
)
def test_a_malformed_header_of_the_proxy_is_refused_before_the_answer_is_handed_over(headers: dict[str, str]):
    """A server that takes the status before the first piece, as granian does, would send 200."""
    options = read_options(str(PRODUCTION), "main")
    statuses: list[str] = []
    environ = {"REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": "GET", "PATH_INFO": "/", **headers}

    guarded(lambda _environ, _start: [], options)(environ, lambda status, *_rest: statuses.append(status))

    assert statuses == ["400 Bad Request"]
