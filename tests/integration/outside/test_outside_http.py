"""HTTP for tools: never more than was asked for, never for ever, and what came is kept."""

import gzip
import tracemalloc
import zlib
from datetime import timedelta

import pytest

from agent_workers.domain.outside.http import (
    HttpBounds,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.execution.outside.connecting import Found
from tests.integration.outside.getting import NAME, get
from tests.integration.outside.site import Asked, Site, said, serving


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nhost: evil"},
        {"x\r\ny": "a"},
        {"x": "a\0b"},
        {"x": "ü"},
        {"Host": "evil.example"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "Basic x"},
        {"": "x"},
        {"x": "y" * 5_000},
    ],
)
def test_no_header_smuggles_a_second_request(site: Site, headers: dict[str, str]):
    with pytest.raises(NotCallable):
        get(site.url(), headers=headers)
    assert site.asked == []


def test_an_answer_is_read_as_far_as_was_asked_for(site: Site):
    site.answers["/long"] = said(b"x" * 5_000_000)
    answer = get(site.url("/long"), bounds=HttpBounds(most_bytes=1_000))
    assert (len(answer.body), answer.cut, answer.broken) == (1_000, True, False)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_unpacks_to_no_more_than_was_asked_for(site: Site, encoding: str):
    packed = gzip.compress if encoding == "gzip" else zlib.compress
    site.answers["/bomb"] = said(packed(b"\0" * 10_000_000), f"content-encoding: {encoding}")
    tracemalloc.start()
    answer = get(site.url("/bomb"), bounds=HttpBounds(most_bytes=100_000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3_000_000
    assert (len(answer.body), answer.cut) == (100_000, True)
    assert site.asked[0].headers["accept-encoding"] == "identity"


def test_what_is_packed_in_parts_or_in_half_is_told_from_what_is_whole(site: Site):
    site.answers["/parts"] = said(gzip.compress(b"a") * 3, "content-encoding: gzip")
    site.answers["/many"] = said(gzip.compress(b"a") * 10_000, "content-encoding: gzip")
    site.answers["/half"] = said(gzip.compress(b"abc")[:-9], "content-encoding: gzip")
    site.answers["/none"] = said(b"", "content-encoding: gzip")
    parts = get(site.url("/parts"))
    assert (parts.body, parts.cut) == (b"aaa", False)
    assert not get(site.url("/none")).cut
    assert [get(site.url(path)).cut for path in ("/many", "/half")] == [True, True]


def test_bombs_in_bombs_are_left_packed(site: Site):
    twice = gzip.compress(gzip.compress(b"\0" * 1_000_000))
    site.answers["/twice"] = said(twice, "content-encoding: gzip, gzip")
    answer = get(site.url("/twice"))
    assert answer.body == twice
    assert answer.headers["content-encoding"] == "gzip, gzip"


def test_tiny_chunks_with_long_names_are_not_read_for_ever(site: Site):
    chunk = b"1;" + b"n" * 60_000 + b"\r\nx\r\n"
    start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    site.answers["/chunks"] = start + chunk * 200 + b"0\r\n\r\n"
    answer = get(site.url("/chunks"), bounds=HttpBounds(most_bytes=1_000))
    assert answer.broken
    assert len(answer.body) <= 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"y" * 90_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-a: y\r\n" * 100_000,
        b"HTTP/1.1 103 Hints\r\n\r\n" * 1_000,
        b"HTTP/1.1 twohundred OK\r\n\r\n",
    ],
)
def test_what_is_no_http_is_no_answer(site: Site, raw: bytes):
    site.answers["/"] = raw
    with pytest.raises(NoAnswer):
        get(site.url())


def test_hints_that_come_before_an_answer_are_passed_over(site: Site):
    site.answers["/"] = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + said(b"here")
    assert get(site.url()).body == b"here"


def test_an_answer_that_breaks_off_still_says_its_status(site: Site):
    site.answers["/short"] = b"HTTP/1.1 201 Made\r\ncontent-length: 100\r\n\r\nhalf"
    answer = get(site.url("/short"), method="POST")
    assert (answer.status, answer.body, answer.broken) == (201, b"half", True)


def test_a_call_ends_in_time_however_slow_the_answer_is(site: Site):
    def hang(_: Asked) -> bytes:
        site.ended.wait(20)
        return said()

    site.answers["/hang"] = hang
    # On a busy machine its time may be over before it was sent.
    with pytest.raises((NoAnswer, NotSent), match="too long"):
        get(site.url("/hang"), bounds=HttpBounds(within=timedelta(seconds=0.3)))


def test_a_name_server_that_is_silent_means_that_nothing_was_sent(site: Site):
    def silent(*_: object) -> Found:
        site.ended.wait(20)
        return []

    bounds = HttpBounds(within=timedelta(seconds=0.2))
    with pytest.raises(NotSent, match="too long"):
        get(f"https://{NAME}/", names=silent, bounds=bounds, method="POST")


def test_what_came_before_it_broke_off_is_kept(site: Site):
    start = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    site.answers["/events"] = start + b"3\r\nabc\r\n5\r\nde"
    answer = get(site.url("/events"))
    assert (answer.body, answer.broken) == (b"abcde", True)


def test_nobody_there_means_that_nothing_was_sent():
    with serving() as gone:
        url = gone.url()
    with pytest.raises(NotSent):
        get(url, method="POST", body=b"{}")


def test_a_host_that_cannot_prove_its_name_is_sent_nothing(site: Site):
    with pytest.raises(NotSent):
        get(f"https://{NAME}:{site.port}/", method="POST", body=b"secret")
