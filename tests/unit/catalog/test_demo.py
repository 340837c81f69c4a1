from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from xml.etree import ElementTree

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from shopapp.accounts.models import User
from shopapp.accounts.passwords import verify_password
from shopapp.catalog import demo
from shopapp.catalog.models import Category, Product

PICTURES = files("shopapp") / "web" / "static" / "products"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_demo_has_24_products_and_one_account(dbsession: Session):
    filled = demo.fill(dbsession)

    assert filled == demo.Filled(products=24, users=1)
    assert dbsession.scalar(select(func.count(Product.id))) == 24
    assert dbsession.scalar(select(func.count(Category.id))) == 5


def test_one_product_is_sold_out_and_one_is_nearly(dbsession: Session):
    demo.fill(dbsession)

    stocks = sorted(dbsession.scalars(select(Product.stock)))
    assert stocks[:2] == [0, 3]
    assert stocks[2] >= 15


def test_the_demo_customer_can_log_in(dbsession: Session):
    demo.fill(dbsession)

    user = dbsession.scalars(select(User)).one()
    assert (user.email, user.name) == ("demo@example.com", "Demo Customer")
    assert verify_password(user.password_hash, "correct horse battery")


def test_filling_again_adds_what_is_missing_and_keeps_what_was_changed(dbsession: Session):
    demo.fill(dbsession)
    dear, gone = dbsession.scalars(select(Product).order_by(Product.sku).limit(2))
    dear.price, gone_sku = 99_900, gone.sku
    dbsession.scalars(select(User)).one().name = "Renamed"
    dbsession.delete(gone)
    dbsession.commit()

    filled = demo.fill(dbsession)
    dbsession.commit()

    assert filled == demo.Filled(products=1, users=0)
    assert dbsession.scalars(select(Product).where(Product.sku == gone_sku)).one()
    assert (dear.price, dbsession.scalars(select(User.name)).one()) == (99_900, "Renamed")


def test_filling_at_once_from_several_sides_adds_everything_once(engine: Engine):
    def fill(_number: int) -> demo.Filled:
        with Session(engine) as dbsession, dbsession.begin():
            return demo.fill(dbsession)

    with ThreadPoolExecutor(4) as threads:
        filled = list(threads.map(fill, range(4)))

    assert (sum(each.products for each in filled), sum(each.users for each in filled)) == (24, 1)


def pictures() -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in PICTURES.iterdir()}


def test_every_product_has_its_picture_and_every_picture_its_product(dbsession: Session):
    demo.fill(dbsession)

    assert set(dbsession.scalars(select(Product.image))) == set(pictures())


def test_pictures_are_small_and_square():
    assert {name for name, svg in pictures().items() if len(svg) >= 4096} == set()
    assert {ElementTree.fromstring(svg).get("viewBox") for svg in pictures().values()} == {"0 0 400 400"}


def test_pictures_hold_nothing_that_a_content_security_policy_refuses():
    for element in (element for svg in pictures().values() for element in ElementTree.fromstring(svg).iter()):
        assert element.tag.removeprefix(SVG) not in {"script", "style", "text", "image", "foreignObject"}
        assert not [name for name, _ in element.items() if name == "style" or name.startswith("on")]
        assert all(reference.startswith("#") for name, reference in element.items() if name.endswith("href"))
