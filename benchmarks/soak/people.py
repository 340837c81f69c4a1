"""The journeys, and the client that goes on one after the other."""

import random
import threading
from collections.abc import Callable

from benchmarks.soak.crowd import Crowd
from benchmarks.soak.ledger import Account
from benchmarks.soak.members import Member
from benchmarks.soak.steps import Surprise
from benchmarks.soak.traffic import GaveUp, Over

MOST_DEVICES = 4


class Client(threading.Thread):
    """One client of the crowd: somebody with an account, who is also some guests and some who only look."""

    def __init__(self, crowd: Crowd, account: Account, seed: int) -> None:
        super().__init__(name=f"client {seed}", daemon=True)
        self.crowd, self.chance = crowd, random.Random(seed)
        self.account: Account | None = account
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Go on journeys until the time is up."""
        try:
            while not self.crowd.traffic.over.is_set():
                self.go()
        except Over:
            pass
        except BaseException as error:
            self.failure = error

    def go(self) -> None:
        """Go on one journey. After a broken promise the person is another one: nobody knows what is true of them."""
        journey: Callable[[Member], None] = self.chance.choices(
            [self.look, self.buy_as_guest, self.be_a_member, self.sign_up], [30, 25, 35, 10]
        )[0]
        member = Member(self.crowd, self.crowd.new_browser(self.chance))
        try:
            try:
                journey(member)
            finally:
                member.keep_cart()
            if member.account is None and member.cart:
                self.crowd.ledger.visitors.append((member.browser, member.cart))
        except (Surprise, GaveUp) as error:
            self.crowd.ledger.violate(str(error))
            for account in (member.account, self.account):
                if account in self.crowd.ledger.accounts:
                    self.crowd.ledger.accounts.remove(account)
            self.account = None
        self.crowd.pause(self.chance)

    def look(self, member: Member) -> None:
        """Look about, and leave."""
        for _ in range(self.chance.randint(2, 6)):
            member.look_around()
            self.crowd.pause(self.chance)

    def buy_as_guest(self, member: Member) -> None:
        """Fill a cart and buy it, or leave it."""
        member.look_around()
        self.crowd.pause(self.chance)
        self.fill(member)
        if self.chance.random() < 0.3:
            member.add(self.chance.choice(sorted(self.crowd.scarce)))
        if self.chance.random() < 0.7:
            self.crowd.pause(self.chance)
            member.buy()

    def be_a_member(self, member: Member) -> None:
        """Sign in, with things in the cart or without, fill it, look after the account, perhaps buy and sign out."""
        account = self.account
        if account is None:
            self.sign_up(member)
            return
        if account.devices and self.chance.random() < 0.5:
            member.come_back(account)
        else:
            if self.chance.random() < 0.5:
                self.fill(member)
            member.sign_in(account)
        self.crowd.pause(self.chance)
        self.fill(member)
        if self.chance.random() < 0.5 or len(account.devices) > MOST_DEVICES:
            self.look_after_account(member, account)
        if self.chance.random() < 0.6:
            self.crowd.pause(self.chance)
            member.buy()
        self.crowd.pause(self.chance)
        if self.chance.random() < 0.6:
            member.sign_out()

    def look_after_account(self, member: Member, account: Account) -> None:
        """Sign in on a phone too, and then have that signed out in one of several ways."""
        member.keep_cart()
        if len(account.devices) <= MOST_DEVICES:
            phone = Member(self.crowd, self.crowd.new_browser(self.chance))
            phone.sign_in(account)
            self.crowd.pause(self.chance)
        member.look_at_sessions()
        if self.chance.random() < 0.4 or len(account.devices) > MOST_DEVICES:
            member.end_others()
        elif self.chance.random() < 0.75:
            member.change_password()

    def sign_up(self, member: Member) -> None:
        """Sign up, often with things in the cart, and buy."""
        if self.chance.random() < 0.5:
            self.fill(member)
        self.account = member.register()
        self.crowd.ledger.accounts.append(self.account)
        self.crowd.pause(self.chance)
        self.fill(member)
        if self.chance.random() < 0.5:
            member.buy()

    def fill(self, member: Member) -> None:
        """Put some things into the cart, and change one's mind."""
        for _ in range(self.chance.randint(1, 3)):
            member.add()
            self.crowd.pause(self.chance)
        if self.chance.random() < 0.4:
            member.use_two_tabs()
            self.crowd.pause(self.chance)
        if self.chance.random() < 0.4:
            member.set_line()
            self.crowd.pause(self.chance)
