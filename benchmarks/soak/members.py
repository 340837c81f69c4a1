"""What people with an account do: sign up, in and out, on several devices, change the password, end sessions."""

import time
from collections.abc import Mapping
from secrets import token_urlsafe

from benchmarks.soak.ledger import Account, added
from benchmarks.soak.steps import SESSION_COOKIE, Shopper, Surprise, at_once
from benchmarks.soak.traffic import Browser

MAIL_TRIES, MAIL_SECONDS = 4, 25.0


class Member(Shopper):
    """A shopper with an account, whose own cart is kept with it."""

    def sign_in(self, account: Account, password: str = "") -> bool:
        """Sign in; what a visitor has put into the cart comes along. False if the password is wrong."""
        fields = {"email": account.email, "password": password or account.password, "form": token_urlsafe(12)}
        before, was_visitor = self.browser.copy(), SESSION_COOKIE in self.browser.cookies
        answer = self.browser.post("/login", fields)
        if not answer.is_definite:
            account.strays += 1
        if not answer.is_definite or (answer.status == 200 and self.chance.random() < 0.1):
            answer = self.browser.insist("/login", fields)  # the same form once more: one sign-in
        if answer.status == 401 and password:
            return False
        self.expect(answer, 200, "sign in")
        self._is_in(account)
        if was_visitor:
            self.crowd.ledger.end(before, "a visitor's, at the sign-in")
        self.crowd.ledger.count("sign-ins")
        return True

    def register(self) -> Account:
        """Sign up, wait for the mail, and open its link."""
        account = Account(f"new-{token_urlsafe(8).lower()}@example.com", new_password(), "Nora New")
        fields = {"email": account.email, "password": account.password, "name": account.name}
        path, _, token = self._sign_up(fields).partition("?token=")
        answer = self.browser.post(path, {"token": token})
        if not answer.is_definite:
            account.strays += 1
            answer = self.browser.insist(path, {"token": token})
            if answer.status == 404:  # the first one made the account
                self.sign_in(account)
                return account
        self.expect(answer, 200, "confirm")
        self._is_in(account)
        self.crowd.ledger.count("registrations")
        return account

    def _sign_up(self, fields: Mapping[str, str]) -> str:
        """Send the form and return the link of the mail. If none comes, send it again, as people do: a process that was
        killed keeps the letter that it had taken up for ten minutes.
        """
        for _ in range(MAIL_TRIES):
            self.expect(self.browser.insist("/register", fields), 202, "sign up")
            deadline = time.monotonic() + MAIL_SECONDS
            while time.monotonic() < deadline:
                if link := self.crowd.postbox.confirmation_for(fields["email"]):
                    return link
                time.sleep(0.5)
        raise Surprise(f"no mail came to {fields['email']}, asked for {MAIL_TRIES} times")

    def come_back(self, account: Account) -> None:
        """Go on, on the device that was used last."""
        self.browser, self.account = account.devices[-1], account
        self.cart, self.doubt = account.cart, account.doubt
        answer = self.expect(self.browser.insist("/account"), 200, "come back")
        if answer.json["email"] != account.email:
            raise Surprise(f"{account.email} is shown the account of {answer.json['email']}")
        self.look_at_cart()

    def sign_out(self) -> None:
        """Sign out; often while another tab still writes to the session, which must not bring it back."""
        account, before = self.account, self.browser.copy()
        assert account is not None
        if self.chance.random() < 0.5:
            tab, sku = self.browser.copy(), self.some_sku()
            form = {"sku": sku, "quantity": 1, "press": token_urlsafe(12)}
            answer, _ = at_once(lambda: self.browser.post("/logout"), lambda: tab.post("/cart/items", form, html=True))
            self.doubt = {sku: 1}  # it may have come before or after
            self.crowd.ledger.end(tab, f"{account.email}: signed out in another tab")
        else:
            answer = self.browser.post("/logout")
        if not answer.is_definite:
            answer = self.browser.insist("/logout", {})
        self.expect(answer, 204, "sign out")
        self._ends(account, "signed out", before)
        account.devices.remove(self.browser)
        self.keep_cart()
        self.account, self.cart, self.doubt = None, {}, {}
        self.crowd.ledger.count("sign-outs")

    def look_at_sessions(self) -> list[str]:
        """See in the list all sessions that there are and no others; return the handles of the others."""
        account = self.account
        assert account is not None
        found = self.expect(self.browser.insist("/account/sessions"), 200, "list the sessions").json["sessions"]
        there = len(account.devices)
        if not there <= len(found) <= there + account.strays:
            raise Surprise(f"{account.email} has {len(found)} sessions, not {there} (and {account.strays} in doubt)")
        return [each["handle"] for each in found if not each["current"]]

    def end_others(self) -> None:
        """End all other sessions, by their handles or by the one button."""
        account = self.account
        assert account is not None
        proof = {"current_password": account.password}  # asked for if they have been here for long
        if self.chance.random() < 0.5:
            self.expect(self.browser.insist("/account/sessions/end-others", proof), 200, "end the others")
        else:
            for handle in self.look_at_sessions():
                answer = self.browser.insist(f"/account/sessions/{handle}/end", proof)
                self.expect(answer, (200, 404), "end a session")  # 404: by a request whose answer was lost
        self._others_ended(account, "ended from another device")
        self.look_at_sessions()

    def change_password(self) -> None:
        """Change the password, which ends all other sessions, and this one's old id."""
        account, before, new = self.account, self.browser.copy(), new_password()
        assert account is not None
        fields = {"current_password": account.password, "new_password": new}
        answer = self.browser.post("/account/password", fields)
        if not answer.is_definite:
            answer = self.browser.insist("/account/password", fields)
            if answer.status == 401:  # this browser has missed its new cookie, so it has to sign in again
                self._find_out(account, new)
                return
        self.expect(answer, 200, "change the password")
        self.crowd.ledger.end(before, "the id before the password was changed")
        self._changed(account, new)

    def keep_cart(self) -> None:
        """Put down with the account what the cart holds."""
        if self.account:
            self.account.cart, self.account.doubt = self.cart, self.doubt

    def _is_in(self, account: Account) -> None:
        self.cart, self.doubt = added(account.cart, self.cart), account.doubt
        self.account = account
        account.devices.append(self.browser)
        self.look_at_cart()

    def _find_out(self, account: Account, new: str) -> None:
        """Sign in with the new password or, if that was never stored, with the old one."""
        account.devices.remove(self.browser)
        account.strays += 1
        self.keep_cart()
        self.cart = {}
        if self.sign_in(account, new):
            self._changed(account, new)
        else:
            self.cart = {}
            self.sign_in(account)

    def _changed(self, account: Account, new: str) -> None:
        account.former_passwords.append(account.password)
        account.password = new
        self._others_ended(account, "the password was changed")
        self.crowd.ledger.count("passwords changed")

    def _others_ended(self, account: Account, why: str) -> None:
        for device in account.devices:
            if device is not self.browser:
                self._ends(account, why, device)
        account.devices, account.strays = [self.browser], 0

    def _ends(self, account: Account, why: str, browser: Browser) -> None:
        self.crowd.ledger.end(browser, f"{account.email}: {why}")
        self.crowd.ledger.count("sessions ended")


def new_password() -> str:
    """Return one that nobody guesses."""
    return f"{token_urlsafe(9)} {token_urlsafe(9)}"
