"""What becomes of the letters in the outbox, on each database."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mail_server import MailServer
from shopapp.mail import sending
from shopapp.mail.sending import LEASE, LETTERS, PAUSES, Report
from shopapp.mail.smtp import SmtpServer
from shopapp.mail.transport import AwayError, NotNowError, RefusedError
from shopapp.testing.shop import text_of


class Fails:
    """A transport that fails as often as it is told to, each time in the same way."""

    def __init__(self, error: Exception, times: int = 1_000) -> None:
        self.error, self.times, self.calls = error, times, 0

    def send(self, _letter_id: int, _message: Any) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error


def to_whom(outbox: Any) -> list[str]:
    return [str(message["To"]) for _, message in outbox.folder.messages()][::-1]


def counted(outcome: str, kind: str = "trial") -> float:
    return LETTERS.labels(kind, outcome)._value.get()


def test_what_is_due_is_sent_in_order_and_gone(outbox: Any, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    outbox.post("bob@example.com", "eve@example.com")
    before = counted("sent")

    report = outbox.sender().send_due()

    assert report == Report(sent=2)
    assert to_whom(outbox) == ["bob@example.com", "eve@example.com"]
    assert outbox.rows() == []
    assert counted("sent") == before + 2
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" ")[0] for line in told] == ["letter_sent", "letter_sent"]
    assert "@" not in caplog.text


def test_an_empty_outbox_is_no_work(outbox: Any):
    assert outbox.sender().send_due() == Report()


def test_a_letter_says_what_is_so_when_it_is_sent_and_may_write_for_it(outbox: Any):
    def compose(_dbsession: Any, letter: Any) -> dict[str, Any] | None:
        if not letter.data["wanted"]:
            return None
        letter.data = {"told": 1}
        return {}

    outbox.kinds["trial"] = compose
    outbox.post("bob@example.com", wanted=False)
    outbox.post("eve@example.com", wanted=True)

    report = outbox.sender(Fails(AwayError("away"), times=1)).send_due()

    assert report == Report(dropped=1, failed=1, away=True)
    assert [row.data for row in outbox.rows()] == [{"told": 1}]  # what was written stands, though it did not leave


def test_what_composing_wrote_is_committed_before_the_letter_leaves(outbox: Any):
    seen: list[Any] = []

    def compose(dbsession: Any, letter: Any) -> dict[str, Any]:
        letter.data = {"hash": "x"}
        return {}

    class Looks:
        def send(self, _letter_id: int, _message: Any) -> None:
            seen.extend(row.data for row in outbox.rows())
            with outbox.sessions.begin() as dbsession:  # and nobody holds the write lock while a server is talked to
                dbsession.execute(text("UPDATE letter SET kind = kind"))

    outbox.kinds["trial"] = compose
    outbox.post("bob@example.com")

    assert outbox.sender(Looks()).send_due() == Report(sent=1)
    assert seen == [{"hash": "x"}]


@pytest.mark.parametrize("fault", ["composing", "template", "unknown kind"])
def test_a_letter_that_cannot_be_written_hurts_no_other(outbox: Any, fault: str, caplog: pytest.LogCaptureFixture):
    def compose(dbsession: Any, letter: Any) -> dict[str, Any]:
        dbsession.execute(text("UPDATE letter SET recipient = 'changed@example.com'"))
        if fault == "composing":
            raise ValueError("bob@example.com has a secret")
        return {}

    if fault != "unknown kind":
        outbox.kinds["bad"] = compose
    outbox.post("bob@example.com", kind="bad")
    outbox.post("eve@example.com")

    report = outbox.sender().send_due()

    assert report == Report(sent=1, failed=1)
    assert to_whom(outbox) == ["eve@example.com"]
    (row,) = outbox.rows()
    assert (row.recipient, row.tries) == ("bob@example.com", 1)  # nothing of what it wrote is kept
    assert len(caplog.records) == 1
    assert "letter_put_off" in caplog.text
    assert "@" not in caplog.text
    assert "secret" not in caplog.text


def test_the_pauses_grow_for_two_days_and_then_it_is_given_up(outbox: Any, caplog: pytest.LogCaptureFixture):
    outbox.post("bob@example.com")
    transport = Fails(NotNowError("451"))
    sender, pauses = outbox.sender(transport), []

    for _ in PAUSES:
        assert sender.send_due() == Report(failed=1)
        assert sender.send_due() == Report()  # not before the pause is over
        pauses.append(outbox.rows()[0].next_try_at - datetime.now(UTC))
        outbox.pass_time(pauses[-1])
    assert sender.send_due() == Report(failed=1)

    (row,) = outbox.rows()
    assert (row.next_try_at, row.tries) == (None, len(PAUSES) + 1)
    assert [round(pause.total_seconds() / 60) for pause in pauses] == [pause.total_seconds() / 60 for pause in PAUSES]
    assert timedelta(hours=45) < sum(PAUSES, timedelta()) < timedelta(hours=50)
    assert caplog.records[-1].levelno == logging.ERROR
    assert caplog.records[-1].getMessage().startswith(f"letter_given_up id={row.id} kind=trial")
    assert sender.send_due() == Report()


def test_a_letter_that_failed_is_sent_later(outbox: Any):
    outbox.post("bob@example.com")
    transport = Fails(NotNowError("451"), times=2)
    sender = outbox.sender(transport)

    reports = []
    for _ in range(3):
        reports.append(sender.send_due())
        outbox.pass_time(timedelta(hours=1))

    assert reports == [Report(failed=1), Report(failed=1), Report(sent=1)]
    assert outbox.rows() == []


@pytest.mark.parametrize("recipient", ["bob@refused.example", "no address", "bob@example.com, eve@example.com"])
def test_a_letter_that_never_can_arrive_is_given_up_at_once(outbox: Any, recipient: str):
    outbox.post(recipient)
    before = counted("given_up")

    assert outbox.sender(Fails(RefusedError("550"))).send_due() == Report(failed=1)

    assert [(row.next_try_at, row.tries) for row in outbox.rows()] == [(None, 1)]
    assert counted("given_up") == before + 1


def test_while_mail_is_away_one_letter_is_tried_and_the_rest_stay_due(outbox: Any):
    outbox.post(*[f"{n}@example.com" for n in range(5)])
    transport = Fails(AwayError("away"), times=1)
    sender = outbox.sender(transport)

    assert sender.send_due() == Report(failed=1, away=True)
    assert [row.tries for row in outbox.rows()] == [1, 0, 0, 0, 0]
    assert sender.send_due() == Report(sent=4)


def test_a_letter_that_ends_each_process_is_given_up(outbox: Any):
    outbox.post("bob@example.com")

    class PowerCutError(BaseException):
        pass

    transport = Fails(PowerCutError())  # type: ignore[arg-type]
    for _ in range(len(PAUSES) + 1):
        with pytest.raises(PowerCutError):
            outbox.sender(transport).send_due()
        assert outbox.sender(transport).send_due() == Report()
        outbox.pass_time(LEASE)

    assert outbox.sender(transport).send_due() == Report(failed=1)
    assert [row.next_try_at for row in outbox.rows()] == [None]


def test_a_sender_that_took_too_long_does_not_touch_what_others_do_with_it(outbox: Any, monkeypatch: Any):
    """SQLite gives the id of a letter again: the late one must not take the new letter for its own."""
    outbox.post("bob@example.com")

    class Sleeps:
        def send(self, _letter_id: int, _message: Any) -> None:
            outbox.pass_time(LEASE)
            outbox.sender().send_due()
            with outbox.sessions.begin() as dbsession:
                now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00" if is_pg else "%Y-%m-%d %H:%M:%S.%f")
                columns = "id, kind, recipient, data, created_at, tries, next_try_at"
                values = f"1, 'trial', 'eve@example.com', '{{}}', '{now}', 0, '{now}'"
                dbsession.execute(text(f"INSERT INTO letter ({columns}) VALUES ({values})"))

    is_pg = outbox.engine.dialect.name == "postgresql"
    sleeper = outbox.sender(Sleeps())
    claim = sleeper._claim()
    sleeper._try(claim, Report())

    assert [row.recipient for row in outbox.rows()] == ["eve@example.com"]
    assert outbox.sender().send_due() == Report(sent=1)
    assert to_whom(outbox) == ["bob@example.com", "eve@example.com"]


def test_eight_threads_send_each_letter_once(outbox: Any):
    outbox.post(*[f"{n}@example.com" for n in range(60)])
    sender = outbox.sender()
    threads = [threading.Thread(target=sender.send_due) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(to_whom(outbox)) == sorted(f"{n}@example.com" for n in range(60))
    assert outbox.rows() == []


def test_a_server_that_refuses_one_person_gets_the_mail_of_the_others(outbox: Any, mail_server: MailServer):
    mail_server.on["RCPT", "no@example.com"] = "550 5.1.1 no such user"
    mail_server.on["RCPT", "grey@example.com"] = "451 4.7.1 come again"
    outbox.post("no@example.com", "grey@example.com", "bob@example.com")
    sender = outbox.sender(SmtpServer(f"smtp://127.0.0.1:{mail_server.port}", "shop.example"))

    assert sender.send_due() == Report(sent=1, failed=2)
    del mail_server.on["RCPT", "grey@example.com"]
    outbox.pass_time(timedelta(minutes=1))
    assert sender.send_due() == Report(sent=1)

    assert [message["To"] for message in mail_server.received] == ["bob@example.com", "grey@example.com"]
    assert [(row.recipient, row.next_try_at) for row in outbox.rows()] == [("no@example.com", None)]


def test_a_letter_that_comes_twice_has_one_message_id(outbox: Any, mail_server: MailServer):
    mail_server.on["DATA", ""] = MailServer.DROP_AFTER  # it has taken the letter, and the shop does not know
    outbox.post("bob@example.com")
    sender = outbox.sender(SmtpServer(f"smtp://127.0.0.1:{mail_server.port}", "shop.example"))

    assert sender.send_due() == Report(failed=1, away=True)
    mail_server.on.clear()
    outbox.pass_time(timedelta(minutes=1))
    assert sender.send_due() == Report(sent=1)

    first, second = mail_server.received
    assert first["Message-ID"] == second["Message-ID"]
    assert text_of(first) == text_of(second)


def test_a_database_that_is_away_for_a_moment_does_not_have_a_letter_sent_twice(outbox: Any):
    outbox.post("bob@example.com")

    def rename(table: str, name: str) -> None:
        with outbox.sessions.begin() as dbsession:
            dbsession.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))

    back = threading.Timer(0.5, rename, ["letters", "letter"])

    class TakesItAway:
        def send(self, _letter_id: int, _message: Any) -> None:
            rename("letter", "letters")
            back.start()

    report = outbox.sender(TakesItAway()).send_due()

    back.join()
    assert report == Report(sent=1)
    assert outbox.rows() == []


def test_an_outbox_that_is_away_is_for_the_caller(outbox: Any):
    with outbox.sessions.begin() as dbsession:
        dbsession.execute(text("ALTER TABLE letter RENAME TO letters"))

    with pytest.raises(SQLAlchemyError):
        outbox.sender().send_due()


def test_the_document_says_what_the_code_does():
    from shopapp.mail import smtp

    said = " ".join((Path(__file__).parents[3] / "docs" / "mail.md").read_text().split())

    assert [pause.total_seconds() / 60 for pause in PAUSES] == [1, 2, 5, 15, 30, 60, 120, *[240] * 11]
    assert "The pauses are 1, 2, 5, 15 and 30 minutes, 1 and 2 hours, then 4 hours each" in said
    assert f"after {len(PAUSES) + 1} tries in two days" in said
    assert (LEASE, "For these ten minutes it is theirs alone" in said) == (timedelta(minutes=10), True)
    assert f"({smtp.STEP_SECONDS:.0f} s for each answer, {smtp.ACCEPT_SECONDS:.0f} s for the last)" in said


def test_the_lease_is_longer_than_any_conversation():
    from shopapp.mail import smtp

    answers = 12  # greeting, EHLO, STARTTLS and its handshake, EHLO, AUTH in three, MAIL, RCPT, DATA, and its end
    assert timedelta(seconds=smtp.STEP_SECONDS * answers + smtp.ACCEPT_SECONDS) < sending.LEASE
