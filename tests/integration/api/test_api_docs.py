"""/docs shows the whole reference in a real browser, and loads nothing from anywhere else."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from typing_extensions import override

from api.routes import described
from tests.integration.api.live import Live
from tests.support.browser import Page, needs_chromium, opened_browser

_SHOWN = 'document.querySelectorAll("#reference .opblock").length'
_OPENED = 'document.querySelectorAll("#reference .opblock.is-open .responses-table").length'
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "page.js", "page.css", "favicon-32x32.png")
PREFIX = "/below/here"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with opened_browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def prefixed(live: Live) -> Iterator[str]:
    """The URL of a proxy that serves the API below a prefix."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        @override
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            inside = self.path.removeprefix(PREFIX)
            reply = httpx.get(live.url + (inside if inside != self.path else "/outside"))
            self.send_response(reply.status_code)
            for name in ("content-type", "content-security-policy"):
                if name in reply.headers:
                    self.send_header(name, reply.headers[name])
            self.end_headers()
            self.wfile.write(reply.content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    thread.join()
    server.server_close()


def shown_well(page: Page, url: str, *, width: int = 1280) -> None:
    """Open the page, open one operation, and check what it says and asks for."""
    paths: Any = json.loads(described())["paths"]
    operations = sum(len(methods) for methods in paths.values())
    page.requests.clear()
    page.complaints.clear()
    page.open(f"{url}/docs", width=width)
    page.wait_for(lambda: page.value(_SHOWN) == operations)
    page.value('document.querySelector("#reference .opblock-summary-control").click()')
    page.wait_for(lambda: page.value(_OPENED) == 1)
    assert page.complaints == []
    hosts = {urlsplit(one).netloc for one in page.requests if not one.startswith("data:")}
    assert hosts == {urlsplit(url).netloc}


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_every_operation_is_shown_without_a_complaint_or_another_host(
    live: Live, page: Page, tmp_path: Path, width: int
):
    shown_well(page, live.url, width=width)
    page.picture(tmp_path / f"docs-{width}.png")
    assert page.value(_OVERFLOW) == 0, "the page is wider than the window"


@needs_chromium
def test_it_works_below_a_prefix(prefixed: str, page: Page):
    shown_well(page, prefixed)


def test_it_needs_no_key_and_allows_no_inline_script(live: Live):
    reply = httpx.get(f"{live.url}/docs")
    assert reply.status_code == 200
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert "://" not in reply.text


@pytest.mark.parametrize("name", _FILES)
def test_a_file_is_sent_packed_and_only_once(live: Live, name: str):
    url = f"{live.url}/docs/{name}"
    packed = httpx.get(url, headers={"accept-encoding": "gzip"})
    plain = httpx.get(url, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    again = httpx.get(url, headers={"if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
