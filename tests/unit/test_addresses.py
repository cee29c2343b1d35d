"""Addresses of servers as people may read them."""

import pytest

from agent_workers.domain.text.addresses import shown_address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db.example:6543/agent?sslmode=require", "db.example:6543/agent"),
        ("postgresql+psycopg://db.example/agent", "db.example:5432/agent"),
        ("postgresql:///agent?host=/run/postgres", "/run/postgres/agent"),
        ("redis://me:secret@127.0.0.1/3", "127.0.0.1:6379"),
        ("redis+socket:///run/redis.sock", "/run/redis.sock"),
        ("amqps://me:secret@[::1]/vhost", "[::1]:5671"),
    ],
)
def test_an_address_is_shown_without_who_logs_in(url: str, shown: str) -> None:
    assert shown_address(url) == shown
