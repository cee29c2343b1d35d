"""How many connections fit under the limit of open files, and what counts as one address."""

import pytest

from api.process.crowd import Bounds, address_of
from api.process.descriptors import bounds_of


@pytest.mark.parametrize(
    ("asked", "limit", "fitting"),
    [
        ((2_048, 0), 1_000_000, (2_048, 1_024)),
        ((2_048, 0), 1_024, (886, 443)),
        ((5_000, 5_000), 1_024, (886, 886)),
        ((2_048, 7), 1_000_000, (2_048, 7)),
        ((2_048, 0), 64, (1, 1)),
    ],
)
def test_connections_fit_under_the_limit_of_open_files(
    asked: tuple[int, int], limit: int, fitting: tuple[int, int]
):
    found = bounds_of(connections=asked[0], per_address=asked[1], pool_size=10, limit=limit)
    assert found == Bounds(connections=fitting[0], per_address=fitting[1])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(one: str, other: str, same: bool):  # noqa: FBT001
    assert (address_of(one) == address_of(other)) is same
