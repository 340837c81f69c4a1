"""People in the database, where two requests may change one at once. Hashes no password and knows no request."""

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shopapp.accounts.addresses import normalize_email
from shopapp.accounts.models import AccountLink, User

_INSERT = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def find_user(dbsession: Session, email: str) -> User | None:
    """Return whose address it is, however it is spelt."""
    return dbsession.scalar(select(User).where(User.email == normalize_email(email)))


def add_registered(dbsession: Session, link: AccountLink) -> int | None:
    """Add the person of a registration and return their id; None if the address has an account by now."""
    values = {"email": link.email, "name": link.name, "password_hash": link.password_hash}
    insert = _INSERT[dbsession.get_bind().dialect.name]
    # A registration of the same address that is on its way in another request is waited for.
    statement = insert(User).values(values).on_conflict_do_nothing(index_elements=[User.email]).returning(User.id)
    return dbsession.scalar(statement)


def replace_password_hash(dbsession: Session, user: User, password_hash: str) -> bool:
    """Store another hash and return True; False if the one that ``user`` was read with is no longer the stored one."""
    statement = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    replaced = dbsession.execute(
        statement.values(password_hash=password_hash), execution_options={"synchronize_session": False}
    )
    return replaced.rowcount == 1


def is_unchanged(dbsession: Session, user: User) -> bool:
    """Tell whether hash and address are still those that ``user`` was read with, and the account not disabled."""
    columns = select(User.password_hash, User.email, User.disabled_at)
    stored = dbsession.execute(columns.where(User.id == user.id)).one_or_none()
    return stored is not None and stored == (user.password_hash, user.email, None)


def stays_as_read(dbsession: Session, user: User) -> bool:
    """The same, and it stays so until the end of the transaction: the row is locked, on every database."""
    as_read = (User.password_hash == user.password_hash, User.email == user.email, User.disabled_at.is_(None))
    statement = update(User).where(User.id == user.id, *as_read).values(password_hash=User.password_hash)
    return dbsession.execute(statement, execution_options={"synchronize_session": False}).rowcount == 1
