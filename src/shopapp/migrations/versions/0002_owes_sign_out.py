"""Whether a person's other sessions may have outlived a change of the password: column user.owes_sign_out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody owes anything."""
    op.add_column("user", sa.Column("owes_sign_out", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("user", "owes_sign_out")
