"""Cursors lead back to their place, and only in the list they came from."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest

from api.http.cursors import Cursors
from api.problems import Problem

AT = datetime(2026, 11, 20, 5, 0, 0, 123456, tzinfo=UTC)
ROW = UUID("01a1f765-b004-7b8e-9002-7acdedb2a40f")
CURSORS = Cursors("a pepper", listing="jobs")


def test_a_cursor_leads_to_its_place_to_the_microsecond():
    assert CURSORS.read(CURSORS.written(AT, ROW, scope="acme"), scope="acme") == (AT, ROW)


@pytest.mark.parametrize("cursor", ["", "x", "ä", "=" * 8, "A" * 48, "A" * 10_000])
def test_what_we_did_not_sign_is_refused(cursor: str):
    with pytest.raises(Problem):
        CURSORS.read(cursor, scope="acme")


def test_a_row_may_have_a_name_instead_of_an_id():
    cursor = CURSORS.written_named(AT, b"a~b", scope="acme")
    assert CURSORS.read_named(cursor, scope="acme") == (AT, b"a~b")


def test_no_part_of_a_name_passes_for_a_part_of_the_scope():
    cursor = CURSORS.written_named(AT, b"session", scope="acme")
    whole = b64decode(cursor, altchars=b"-_")
    cut = b64encode(whole[:-1], altchars=b"-_").decode()
    with pytest.raises(Problem):
        CURSORS.read_named(cut, scope="nacme")


def test_a_cursor_of_another_list_scope_or_installation_is_refused():
    cursor = CURSORS.written(AT, ROW, scope="acme")
    for cursors, scope in (
        (CURSORS, "other"),
        (Cursors("a pepper", listing="doubts"), "acme"),
        (Cursors("another pepper", listing="jobs"), "acme"),
    ):
        with pytest.raises(Problem):
            cursors.read(cursor, scope=scope)
