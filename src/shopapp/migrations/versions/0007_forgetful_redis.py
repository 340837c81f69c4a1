"""What Redis may forget and the shop must not: since when sessions are valid, and copies of persons' carts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the column and the table. Sessions that are there stay valid; a cart is copied when it is next looked at."""
    op.add_column("user", sa.Column("sessions_valid_from", MOMENT, nullable=True))
    op.create_table(
        "cart_copy",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_cart_copy"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_cart_copy_user_id_user", ondelete="CASCADE"),
    )
    op.create_index("ix_cart_copy_changed_at", "cart_copy", ["changed_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("cart_copy")
    op.drop_column("user", "sessions_valid_from")
