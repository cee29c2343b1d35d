"""How many connections fit under the limit of open files, and what counts as one address."""

import pytest

from agent_workers.settings import Settings
from api.connections import address_of
from api.crowd import Bounds
from api.descriptors import bounds_of


@pytest.mark.parametrize(
    ("given", "limit", "connections", "per_address"),
    [
        ({}, 1_000_000, 2_048, 1_024),
        ({}, 1_024, 886, 443),
        ({"api_connections": 5_000, "api_connections_per_address": 5_000}, 1_024, 886, 886),
        ({"api_connections_per_address": 7}, 1_000_000, 2_048, 7),
        ({}, 64, 1, 1),
    ],
)
def test_connections_fit_under_the_limit_of_open_files(
    given: dict[str, int], limit: int, connections: int, per_address: int
):
    settings = Settings.model_validate({"db_pool_size": 10, **given})
    expected = Bounds(connections=connections, per_address=per_address)
    assert bounds_of(settings, limit=limit) == expected


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
