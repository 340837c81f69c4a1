"""Listing without a wait: an index for each order, and a table product_count that triggers keep.

The products of a category are the sum of its rows in product_count. On SQLite, which has one writer at a time, there is
one such row. On PostgreSQL each statement adds a row of its own, so that nobody waits for anybody, and the rows of a
category become one when the version is raised: at the end of a transaction, where only one is at a time.

On SQLite, INSERT OR REPLACE deletes the row that it replaces without its trigger: after one by hand the counts are too
high. INSERT ... ON CONFLICT DO UPDATE does the same and counts right.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_product_name_id": ("name", "id"),
    "ix_product_price_id": ("price", "id"),
    "ix_product_category_id_id": ("category_id", "id"),
    "ix_product_category_id_name_id": ("category_id", "name", "id"),
    "ix_product_category_id_price_id": ("category_id", "price", "id"),
}
REPLACED = {"ix_product_name": ("name",), "ix_product_category_id": ("category_id",)}

SQLITE = {
    "category_has_count": "AFTER INSERT ON category BEGIN"
    " INSERT INTO product_count (category_id, products) SELECT NEW.id, 0"
    " WHERE NOT EXISTS (SELECT 1 FROM product_count WHERE category_id = NEW.id)",
    "category_loses_count": "AFTER DELETE ON category BEGIN DELETE FROM product_count WHERE category_id = OLD.id",
    "product_is_counted": "AFTER INSERT ON product BEGIN"
    " UPDATE product_count SET products = products + 1 WHERE category_id = NEW.category_id",
    "product_is_counted_no_more": "AFTER DELETE ON product BEGIN"
    " UPDATE product_count SET products = products - 1 WHERE category_id = OLD.category_id",
    "product_is_counted_elsewhere": "AFTER UPDATE OF category_id ON product BEGIN"
    " UPDATE product_count SET products = products - 1 WHERE category_id = OLD.category_id;"
    " UPDATE product_count SET products = products + 1 WHERE category_id = NEW.category_id",
}

# A counter in one row would be quadratic: in a transaction of 100,000 statements each would look at all that the ones
# before it have left of the row.
POSTGRESQL = """
CREATE FUNCTION count_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO product_count (category_id, products) SELECT category_id, count(*) FROM added GROUP BY category_id;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO product_count (category_id, products) SELECT category_id, -count(*) FROM removed GROUP BY category_id;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO product_count (category_id, products) VALUES (OLD.category_id, -1), (NEW.category_id, 1);
  ELSE
    PERFORM FROM catalogue FOR UPDATE;  -- or the sum that another one is making would stay
    DELETE FROM product_count;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER product_is_counted AFTER INSERT ON product
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_products();
CREATE TRIGGER product_is_counted_no_more AFTER DELETE ON product
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_products();
CREATE TRIGGER product_is_counted_elsewhere AFTER UPDATE OF category_id ON product
  FOR EACH ROW WHEN (OLD.category_id <> NEW.category_id) EXECUTE FUNCTION count_products();
CREATE TRIGGER product_is_counted_at_truncate AFTER TRUNCATE ON product
  FOR EACH STATEMENT EXECUTE FUNCTION count_products();
"""
STORAGE = {"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_insert_scale_factor": 0.02}
RAISE = """
CREATE OR REPLACE FUNCTION raise_catalogue_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalogue SET version = version + 1 WHERE xmin <> pg_current_xact_id()::xid;{then}
  RETURN NULL;
END $$
"""
SUM_UP = """
  IF FOUND THEN  -- and so alone
    WITH several AS (
      DELETE FROM product_count WHERE category_id IN
        (SELECT category_id FROM product_count GROUP BY category_id HAVING count(*) > 1)
      RETURNING category_id, products)
    INSERT INTO product_count (category_id, products)
      SELECT category_id, sum(products) FROM several GROUP BY category_id HAVING sum(products) <> 0;
  END IF;"""


def upgrade() -> None:
    """Make the indexes, the table with the counts of what is there, and its triggers."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute("LOCK TABLE category, product IN SHARE ROW EXCLUSIVE MODE")  # or what is added is not counted
    for name, columns in INDEXES.items():
        op.create_index(name, "product", columns)
    for name in REPLACED:
        op.drop_index(name, "product")
    op.create_table(
        "product_count",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_product_count"),
    )
    op.execute(
        "INSERT INTO product_count (category_id, products) SELECT category.id, count(product.id)"
        " FROM category LEFT JOIN product ON product.category_id = category.id GROUP BY category.id"
    )
    if sqlite:
        for name, trigger in SQLITE.items():
            op.execute(f"CREATE TRIGGER {name} {trigger}; END")
    else:
        op.execute(POSTGRESQL)
        op.execute(RAISE.format(then=SUM_UP))
        # Room for the new version of a row whose stock has changed, on the same page: so no index is touched. Vacuumed
        # after 2 % of changes, not 20: to walk an index without the rows, PostgreSQL must know that all see the same.
        op.execute(f"ALTER TABLE product SET ({', '.join(f'{name} = {value}' for name, value in STORAGE.items())})")


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "sqlite":
        for name in SQLITE:
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
    else:
        op.execute(f"ALTER TABLE product RESET ({', '.join(STORAGE)})")
        op.execute(RAISE.format(then=""))
        op.execute("DROP FUNCTION count_products() CASCADE")  # with its triggers
    op.drop_table("product_count")
    for name, columns in REPLACED.items():
        op.create_index(name, "product", columns)
    for name in INDEXES:
        op.drop_index(name, "product")
