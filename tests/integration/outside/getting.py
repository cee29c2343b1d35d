"""One request by the guarded way out, with a name server of the test's own."""

import ssl

from agent_workers.domain.outside.http import HttpAnswer, HttpBounds, HttpRequest
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.connecting import Resolve
from agent_workers.execution.outside.proxies import proxy_of
from tests.integration.outside.resolving import leading_to

LOOP = networks_of(["127.0.0.0/8"])
HERE = Reach(private=LOOP)
NAME = "shop.example.com"
CONTEXT = ssl.create_default_context()
FOLLOWING = HttpBounds(redirects=5)


def get(
    url: str,
    *,
    reach: Reach = HERE,
    names: Resolve | None = None,
    bounds: HttpBounds = FOLLOWING,
    proxy: str = "",
    **request: object,
) -> HttpAnswer:
    caller = Caller(
        reach=reach,
        context=CONTEXT,
        proxy=proxy_of(proxy),
        resolve=names or leading_to("127.0.0.1"),
    )
    return caller(HttpRequest(url=url, **request), bounds)  # type: ignore[arg-type]
