"""People's passwords in the database, where two requests may change one at once. Hashes none and knows no request."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shopapp.accounts.models import User


def replace_password_hash(dbsession: Session, user: User, password_hash: str) -> bool:
    """Store another hash and return True; False if the one that ``user`` was read with is no longer the stored one."""
    statement = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    replaced = dbsession.execute(
        statement.values(password_hash=password_hash), execution_options={"synchronize_session": False}
    )
    return replaced.rowcount == 1


def has_same_password(dbsession: Session, user: User) -> bool:
    """Tell whether the hash that ``user`` was read with is still the stored one."""
    return dbsession.scalar(select(User.password_hash).where(User.id == user.id)) == user.password_hash
