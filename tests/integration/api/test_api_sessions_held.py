"""Sessions that somebody holds for long: nobody else's jobs wait for them."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.integration.api.live import submit, until
from tests.integration.state.world import World


def test_who_comes_to_a_session_that_is_held_keeps_no_other_job_from_being_stored(
    client: httpx.Client, world: World
) -> None:
    body = {"agent": "demo", "input": "x", "session_id": "talk"}
    with ThreadPoolExecutor(1) as threads:
        with world.database.transaction() as other:
            other.execute("select lock_session(%s, 'talk')", (world.tenant,))
            late = threads.submit(client.post, "/v1/jobs", json=body)
            until(lambda: world.somebody_waits() or late.done())
            submit(client)
        assert late.result().status_code in {202, 503}
    submit(client, session_id="talk")
