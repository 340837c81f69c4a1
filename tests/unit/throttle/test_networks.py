"""Who counts as one: an address, an IPv6 customer's network, and what is around them."""

import pytest
from pyramid.request import Request

from shopapp.throttle.networks import Origin, origin_of


@pytest.mark.parametrize(
    ("address", "one", "around"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("localhost", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ],
)
def test_an_address_is_one_alone_or_a_customers_network(address: str, one: str, around: str) -> None:
    assert origin_of(Request.blank("/", environ={"REMOTE_ADDR": address})) == Origin(one, around)


def test_no_header_says_where_a_request_comes_from() -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1", "X-Real-IP": "198.51.100.1"}

    assert origin_of(Request.blank("/", environ={"REMOTE_ADDR": "192.0.2.7"}, headers=headers)).address == "192.0.2.7"
