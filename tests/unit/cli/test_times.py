"""Times and durations on the command line, as people write and read them."""

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.terminal.times import (
    duration,
    in_words,
    instant,
    positive,
    seconds_or_instant,
    whole_seconds,
)


@pytest.mark.parametrize(
    ("text", "meant_s"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("250ms", 0.25),
        ("10m", 600),
        ("10 min", 600),
        ("2h", 7_200),
        ("1h30m", 5_400),
        ("1d 12h", 129_600),
        ("2w", 1_209_600),
        ("PT10M", 600),
        ("P1DT2H", 93_600),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, meant_s: float) -> None:
    assert duration(text) == timedelta(seconds=meant_s)


@pytest.mark.parametrize("text", ["", "soon", "10x", "-5", "m10", "1h and 3m", "P1M", "1e99d"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="10m"):
        duration(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_what_is_not_above_0_is_refused(text: str) -> None:
    assert positive("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a number above 0"):
        positive(text)


def test_a_duration_that_cannot_be_counted_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="too long"):
        duration(f"{'9' * 20}w")


@pytest.mark.parametrize(
    "text", ["2030-01-31T12:00:00Z", "2030-01-31 12:00", "2030-01-31T13:00+01:00"]
)
def test_a_time_without_a_zone_is_utc(text: str) -> None:
    assert instant(text) == datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["tomorrow", "2030-02-30", "10m"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="2030-01-31T12:00:00Z"):
        instant(text)


def test_a_deadline_is_either() -> None:
    assert seconds_or_instant("10m") == 600
    assert seconds_or_instant("2030-01-31") == "2030-01-31T00:00:00Z"
    with pytest.raises(argparse.ArgumentTypeError, match="neither a duration"):
        seconds_or_instant("tomorrow")


def test_an_interval_has_whole_seconds() -> None:
    assert whole_seconds("1h") == 3_600
    with pytest.raises(argparse.ArgumentTypeError, match="whole"):
        whole_seconds("1500ms")


@pytest.mark.parametrize(
    ("length_s", "words"),
    [
        (-1, "0 ms"),
        (0.025, "25 ms"),
        (4.25, "4.2 s"),
        (42, "42 s"),
        (185, "3 min 5 s"),
        (3_600, "1 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_is_written_in_its_largest_units(length_s: float, words: str) -> None:
    assert in_words(timedelta(seconds=length_s)) == words
