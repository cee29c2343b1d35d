"""A job that goes outside by the built-in tools: as far as the settings of its worker let it."""

from tests.integration.outside.site import said, serving
from tests.integration.worker.conftest import Bench
from tests.integration.worker.test_files_of_jobs import values


def test_a_job_goes_where_the_settings_let_it_and_is_told_why_not_elsewhere(bench: Bench) -> None:
    allowed = {
        "http_private": ("127.0.0.0/8",),
        "sql_sources": {"own": bench.settings.database_url.replace("+psycopg", "")},
    }
    with serving({"/a": said("hello")}) as site:
        bench.settings = bench.settings.model_copy(update=allowed)
        fetched, refused, asked = values(
            bench,
            [
                ["http_get", {"url": site.url("/a")}],
                ["http_get", {"url": "http://10.0.0.1/"}],
                ["sql_query", {"source": "own", "sql": "select 1"}],
            ],
        )
    assert (fetched["status"], fetched["text"]) == (200, "hello")
    assert (refused["code"], "not public" in refused["message"]) == ("refused", True)
    assert asked["code"] == "not_installed"
    assert "superuser" in asked["message"]
