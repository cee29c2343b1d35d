"""HTTP for tools: never where it may not go, however it is written, named or led there."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent_workers.domain.outside.http import HttpBounds, HttpRequest, NotCallable, NotSent
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.proxies import proxy_of
from tests.integration.outside.getting import HERE, LOOP, NAME, get
from tests.integration.outside.resolving import Names, leading_to
from tests.integration.outside.site import Site, said
from tests.support.certificates import certificate


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8000/",
        "http://db.internal/",
        "http://postgres:5432/",
        "http://user:password@93.184.215.14/",
        "http://93.184.215.14:22/",
        "http://93.184.215.14\\@127.0.0.1/",
        "http://93.184.215.14#@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://93.184.215.14/",
        "http:///etc/passwd",
        "http://a.example.com/ HTTP/1.1\r\nx: y",
        "http://１２７.0.0.1/",  # noqa: RUF001 (digits that are no ASCII, as an attacker has them)
    ],
)
def test_no_way_of_writing_it_leads_inside(url: str):
    with pytest.raises(NotCallable):
        get(url, reach=Reach(), names=leading_to("127.0.0.1"))


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("93.184.215.14", "10.0.0.1"),
        ("::ffff:169.254.169.254",),
        ("64:ff9b::a9fe:a9fe",),
        ("2002:7f00:1::",),
        ("fd00:ec2::254",),
    ],
)
def test_no_name_leads_inside(addresses: tuple[str, ...]):
    with pytest.raises(NotCallable, match="not public"):
        get(f"https://{NAME}/", reach=Reach(), names=leading_to(*addresses))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::a9fe:a9fe%1",
        "fd00:c1::a9fe:a9fe",
        "168.63.129.16",
    ],
)
def test_a_machines_credentials_are_out_of_reach_even_when_everything_is_allowed(address: str):
    everywhere = Reach(private=networks_of(["0.0.0.0/0", "::/0"]))
    with pytest.raises(NotCallable):
        get(f"http://{NAME}/", reach=everywhere, names=leading_to(address))


def test_a_name_is_asked_for_once_so_a_second_answer_changes_nothing(site: Site):
    site.answers["/x?q=1"] = said("here")
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    answer = get(f"http://{NAME}:{site.port}/x?q=1", names=names)
    assert (answer.status, answer.body) == (200, b"here")
    assert names.asked == [NAME]
    assert site.asked[0].headers["host"] == f"{NAME}:{site.port}"


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
def test_a_secret_goes_over_tls_or_to_ones_own_addresses(site: Site, proxy: str):
    secret = HttpBounds(secret=True)
    with pytest.raises(NotCallable, match="https:// URLs only"):
        get(f"http://{NAME}/", names=leading_to("93.184.215.14"), bounds=secret, proxy=proxy)
    site.answers["/"] = said("inside")
    assert get(site.url(), bounds=secret).body == b"inside"


def only(hosts: str, *, told_by: str) -> tuple[Reach, HttpBounds]:
    if told_by == "tool":
        return HERE, HttpBounds(hosts=(hosts,))
    return Reach(private=LOOP, hosts=(hosts,)), HttpBounds()


@pytest.mark.parametrize("told_by", ["tool", "installation"])
@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ("shop.example.com", NAME),
        ("*.example.com", NAME),
        ("*.example.com", NAME + "."),
        ("*.example.com", NAME.upper()),
    ],
)
def test_a_host_on_the_list_is_called(site: Site, hosts: str, host: str, told_by: str):
    site.answers["/"] = said()
    reach, bounds = only(hosts, told_by=told_by)
    assert get(f"http://{host}:{site.port}/", reach=reach, bounds=bounds).status == 200


@pytest.mark.parametrize("told_by", ["tool", "installation"])
@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ("example.com", NAME),
        ("*.example.com", "example.com"),
        ("*.example.com", "notexample.com"),
        ("*.example.com", "shop.example.com.attacker.net"),
        ("shop.example.com", "127.0.0.1"),
    ],
)
def test_a_host_beside_the_list_is_not_called(site: Site, hosts: str, host: str, told_by: str):
    reach, bounds = only(hosts, told_by=told_by)
    with pytest.raises(NotCallable):
        get(f"http://{host}:{site.port}/", reach=reach, bounds=bounds)
    assert site.asked == []


def test_each_redirect_is_checked_like_the_first_url(site: Site):
    site.answers["/inside"] = said("", "location: http://10.0.0.1/", status="302 Found")
    site.answers["/file"] = said("", "location: file:///etc/passwd", status="302 Found")
    site.answers["/no-url"] = said("", "location: http://[", status="302 Found")
    for path in ("/inside", "/file", "/no-url"):
        names = Names([["127.0.0.1"], ["10.0.0.1"]])
        with pytest.raises(NotCallable):
            get(site.url(path), names=names)


def test_redirects_are_followed_and_take_no_secrets_to_another_host(site: Site):
    there = f"http://{NAME}:{site.port}/there"
    site.answers["/here"] = said("", "location: /near", status="301 Moved")
    site.answers["/near"] = said("", f"location: {there}#part", status="307 Moved")
    site.answers["/there"] = said("found")
    answer = get(site.url("/here"), headers={"Authorization": "Bearer x", "Accept": "text/plain"})
    assert (answer.url, answer.body) == (there, b"found")
    sent = [one.headers.get("authorization") for one in site.asked]
    assert sent == ["Bearer x", "Bearer x", None]
    assert site.asked[-1].headers["accept"] == "text/plain"


def test_redirects_that_never_end_do(site: Site):
    site.answers["/round"] = said("", "location: /round", status="302 Found")
    with pytest.raises(NotCallable, match="more than 5 redirects"):
        get(site.url("/round"))
    assert len(site.asked) == 6


def test_what_changes_something_is_never_sent_on(site: Site):
    site.answers["/order"] = said("", "location: /elsewhere", status="307 Moved")
    answer = get(site.url("/order"), method="POST", body=b"{}")
    assert (answer.status, len(site.asked)) == (307, 1)


def test_the_environments_proxies_are_none_of_ours(site: Site, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.answers["/"] = said("direct")
    assert get(site.url()).body == b"direct"


def test_a_proxy_is_asked_by_name_and_told_who_we_are(site: Site):
    site.answers[f"http://{NAME}/"] = said("through")
    proxy = f"http://us:secret@127.0.0.1:{site.port}"
    answer = get(f"http://{NAME}/", reach=Reach(), proxy=proxy)
    assert answer.body == b"through"
    assert site.asked[0].headers["proxy-authorization"] == "Basic dXM6c2VjcmV0"


def test_a_proxy_that_refuses_means_that_nothing_was_sent(site: Site):
    site.answers[f"{NAME}:443"] = said(status="403 Forbidden")
    proxy = f"http://127.0.0.1:{site.port}"
    with pytest.raises(NotSent, match="403"):
        get(f"https://{NAME}/", reach=Reach(), proxy=proxy, method="POST", body=b"secret")
    assert site.asked[0].method == "CONNECT"
    site.answers[f"http://{NAME}/"] = said(status="407 Who are you")
    with pytest.raises(NotSent, match="AGENT_EGRESS_PROXY"):
        get(f"http://{NAME}/", reach=Reach(), proxy=proxy, method="POST", body=b"{}")
    for reach in (Reach(), HERE):
        with pytest.raises(NotCallable):
            get("https://10.0.0.1/", reach=reach, proxy=proxy)


@contextmanager
def tunnelling(context: ssl.SSLContext, heard: list[bytes]) -> Iterator[str]:
    """A proxy that, once asked for a tunnel, speaks for the host at its other end."""

    def serve() -> None:
        with suppress(OSError), listening.accept()[0] as connection:
            connection.settimeout(10)
            heard.append(connection.recv(65_536))
            connection.sendall(b"HTTP/1.1 200 Go\r\n\r\n")
            with context.wrap_socket(connection, server_side=True) as secured:
                heard.append(secured.recv(65_536))
                secured.sendall(said("through"))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://us:secret@127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def test_a_tunnel_shows_the_proxy_the_name_and_nothing_else(tmp_path: Path):
    path = certificate(tmp_path, NAME)
    serving_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving_tls.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=str(path))
    heard: list[bytes] = []
    with tunnelling(serving_tls, heard) as proxy:
        caller = Caller(reach=Reach(), context=trusting, proxy=proxy_of(proxy))
        request = HttpRequest(url=f"https://{NAME}/x?word=secret", headers={"Authorization": "x"})
        answer = caller(request, HttpBounds())
    assert answer.body == b"through"
    assert heard[0].startswith(f"CONNECT {NAME}:443 HTTP/1.1".encode())
    assert b"Basic dXM6c2VjcmV0" in heard[0]
    assert b"word" not in heard[0]
    assert heard[1].startswith(b"GET /x?word=secret HTTP/1.1")
    assert b"proxy" not in heard[1].lower()
