"""The texts that the law asks of a shop, and the shop's name: what people see of what the operator wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from shopapp.testing.shop import JSON
from shopapp.texts import TITLES

ShopWith = Callable[[dict[str, Any]], TestApp]

PAGES = ("/", "/products/brass-pen", "/cart", "/login", "/nowhere", "/?page=abc", *(f"/{name}" for name in TITLES))


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """A function that writes a text down and returns its path."""

    def write(words: str) -> str:
        path = tmp_path / "text.txt"
        path.write_text(words, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("path", PAGES)
def test_every_page_leads_to_the_texts(visitor: TestApp, path: str) -> None:
    page = visitor.get(path, status="*")

    footer = page.text.partition("<footer")[2]
    assert [name for name in TITLES if f'href="/{name}"' not in footer] == []


@pytest.mark.parametrize("name", TITLES)
def test_the_operators_text_is_shown(shop_with: ShopWith, file: Callable[[str], str], name: str) -> None:
    shop = shop_with({f"shop.{name}": file("# Who we are\n\nA shop,\nby the sea: été.")})

    page = shop.get(f"/{name}")

    assert "<h2>Who we are</h2>" in page
    assert "<p>A shop,\nby the sea: été.</p>" in page
    assert f"<h1>{TITLES[name]}</h1>" in page
    assert "example" not in page.text.lower()


def test_nothing_in_a_text_is_html(shop_with: ShopWith, file: Callable[[str], str]) -> None:
    shop = shop_with({"shop.terms": file("# <script>a</script>\n\n<img src=x onerror=b> & {{ shop.database_url }}")})

    page = shop.get("/terms")

    assert "<h2>&lt;script&gt;a&lt;/script&gt;</h2>" in page
    assert "<p>&lt;img src=x onerror=b&gt; &amp; {{ shop.database_url }}</p>" in page


@pytest.mark.parametrize("name", TITLES)
def test_an_example_is_marked_as_one(visitor: TestApp, name: str) -> None:
    page = visitor.get(f"/{name}")

    assert "Example: not a text of this shop" in page
    assert "EXAMPLE: this text must be replaced" in page


def test_a_program_gets_a_text_in_its_parts(shop_with: ShopWith, file: Callable[[str], str]) -> None:
    shop = shop_with({"shop.returns": file("# How\n\nBy post.")})

    assert shop.get("/returns", headers=JSON).json == {
        "title": "Returns",
        "example": False,
        "parts": [{"heading": True, "text": "How"}, {"heading": False, "text": "By post."}],
    }
    assert shop.get("/terms", headers=JSON).json["example"] is True


def test_a_text_is_read_once_at_the_start(shop_with: ShopWith, file: Callable[[str], str]) -> None:
    path = file("As it was.")
    shop = shop_with({"shop.imprint": path})
    Path(path).unlink()

    assert "As it was." in shop.get("/imprint")


def test_a_text_may_be_kept_by_a_proxy_like_the_catalogue(visitor: TestApp) -> None:
    page = visitor.get("/terms")

    assert page.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in page.headers
    visitor.get("/terms", headers={"If-None-Match": page.headers["ETag"]}, status=304)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_name_of_the_shop(shop_with: ShopWith, path: str) -> None:
    page = shop_with({"shop.name": "Fish & Chips 3"}).get(path, status="*")

    assert "· Fish &amp; Chips 3</title>" in page
    assert 'aria-label="Fish &amp; Chips 3, to the start page"' in page
    assert '<p class="footer-name">Fish &amp; Chips 3</p>' in page
    assert "Saltmarsh" not in page.text.partition("<main")[0] + page.text.partition("</main>")[2]
