"""A host is brought into one form before it is judged, and only that form is called."""

import pytest

from agent_workers.domain.outside.reach import EVERYWHERE, Reach, Uncallable, target_of

ANYWHERE = Reach(private=EVERYWHERE)
# What hands out a machine's credentials, in the forms that one resolver or another accepts.
CREDENTIALS = [
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.169.254..",
    "0xa9fea9fe",
    "0xA9.0xFE.0xa9.0xfe.",
    "2852039166",
    "2852039166.",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[fe80::a9fe:a9fe%25eth0]",
    "[fe80::a9fe:a9fe]",
    "169%2e254%2e169%2e254",
    "%31%36%39.254.169.254",
    "169。254。169。254",
    "１６９.254.169.254",  # noqa: RUF001 (digits that IDNA takes for ours)
]


@pytest.mark.parametrize("host", CREDENTIALS)
@pytest.mark.parametrize("reach", [Reach(), ANYWHERE], ids=["public", "anywhere"])
def test_credentials_of_a_machine_are_refused_however_they_are_written(host: str, reach: Reach):
    with pytest.raises(Uncallable):
        target_of(f"http://{host}/latest/meta-data/", reach)


@pytest.mark.parametrize("host", ["localhost.", "LOCALHOST", "db.", "x.internal.", "127.0.0.1."])
def test_a_private_host_is_refused_with_a_dot_behind_it(host: str):
    with pytest.raises(Uncallable):
        target_of(f"http://{host}/", Reach())


@pytest.mark.parametrize(
    "host", ["256.256.256.256", "1.2.3.4.5", "08.8.8.8", "example.0x7f", "a.b.1", "1..", "a..", "."]
)
def test_what_ends_in_a_number_and_is_no_address_is_no_name_either(host: str):
    with pytest.raises(Uncallable, match="has no valid host"):
        target_of(f"http://{host}/", ANYWHERE)


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("Example.COM.", "example.com"),
        ("8.8.8.8.", "8.8.8.8"),
        ("0x8.8.2056", "8.8.8.8"),
        ("[2606:4700:0:0::1111]", "2606:4700::1111"),
        ("xn--nicode-2ya.example.", "xn--nicode-2ya.example"),
        ("4chan.1e100.net", "4chan.1e100.net"),
    ],
)
def test_what_is_called_is_what_was_judged(written: str, called: str):
    assert target_of(f"http://{written}/", Reach()).host == called


def test_a_list_of_hosts_has_a_host_in_whatever_form():
    listed = Reach(hosts=("Example.com.", "2606:4700:0:0::1111", "8.8.8.8"))
    for host in ("example.com.", "[2606:4700::1111]", "0x8.8.8.8"):
        assert target_of(f"http://{host}/", listed).host in {
            "example.com",
            "2606:4700::1111",
            "8.8.8.8",
        }
    with pytest.raises(Uncallable, match="not on the list"):
        target_of("http://8.8.4.4./", listed)
