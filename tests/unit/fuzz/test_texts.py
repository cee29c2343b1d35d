"""Whatever is written as an expression, template, schedule, URL, path, header or cursor is taken or refused."""

import contextlib
import ipaddress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_workers.domain.errors import AgentWorkersError, ToolError
from agent_workers.domain.outside.http import NotCallable
from agent_workers.domain.outside.reach import Uncallable, is_allowed
from agent_workers.domain.schedules.cron import BadSchedule, next_of_cron, parse_cron, zone_named
from agent_workers.domain.tools.workspace import LONGEST_PATH, checked_path
from agent_workers.domain.triggers.event import event_of
from agent_workers.domain.triggers.trigger import Trigger, TriggerRefused
from agent_workers.domain.webhooks.url import target_of
from agent_workers.execution.outside.calling import check_headers
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import Malformed, NoValue, TooCostly
from agent_workers.expressions.expression import Expression
from agent_workers.orchestration.triggers.checking import check_trigger
from agent_workers.orchestration.triggers.filling import LARGEST_INPUT, TemplateFailed, filled
from agent_workers.orchestration.triggers.matching import variables_of
from agent_workers.orchestration.triggers.template import Template
from api.http.cursors import Cursors
from api.problems import Problem
from tests.unit.fuzz.strange import TEXTS, VALUES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FIELDS = st.text("0123456789*/,-?LW#jandec ", max_size=12)


@given(TEXTS, VALUES)
def test_an_expression_has_a_value_within_its_budget_or_says_why_not(
    source: str, data: object
) -> None:
    budget = Budget(20_000)
    try:
        Expression(source).value({"data": data, "id": "1"}, budget)
    except (Malformed, NoValue, TooCostly):
        return


@given(st.one_of(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3)), VALUES)
def test_a_template_is_filled_within_bounds_or_says_why_not(template: object, data: object) -> None:
    trigger = Trigger(trigger_id=uuid4(), name="t", agent="a", template=template)
    event = event_of({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": data})
    try:
        check_trigger(trigger)
        made = filled(Template(template), variables_of(event), Budget(20_000))
    except (TriggerRefused, TemplateFailed):
        return
    assert len(made) <= LARGEST_INPUT


@given(st.one_of(TEXTS, st.lists(_FIELDS, min_size=5, max_size=5).map(" ".join)))
def test_a_cron_expression_has_a_next_time_or_is_refused(expression: str) -> None:
    try:
        cron = parse_cron(expression)
    except BadSchedule:
        return
    following = next_of_cron(cron, zone_named("Europe/Berlin"), NOW)
    assert following is not None
    assert following > NOW


@given(TEXTS)
def test_a_time_zone_is_known_or_refused_and_reads_no_other_file(name: str) -> None:
    for tried in (name, f"../{name}", f"/etc/{name}"):
        with contextlib.suppress(BadSchedule):
            assert zone_named(tried).key == tried


@given(
    st.one_of(
        TEXTS, st.tuples(st.sampled_from(["https://", "http://", "https:/\\"]), TEXTS).map("".join)
    )
)
def test_a_url_that_may_be_called_leads_to_nothing_private(url: str) -> None:
    try:
        target = target_of(url, allow_private=False)
    except Uncallable:
        return
    assert target.host
    assert not target.host.endswith(".")
    try:
        literal = str(ipaddress.ip_address(target.host.strip("[]")))
    except ValueError:
        return
    assert is_allowed(literal)


@given(TEXTS)
def test_a_path_has_one_spelling_and_stays_below(path: str) -> None:
    try:
        checked = checked_path(path)
    except ToolError:
        return
    assert checked_path(checked) == checked
    assert ".." not in checked.split("/")
    assert not checked.startswith("/")
    assert len(checked.encode()) <= LONGEST_PATH


@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_headers_of_tools_end_no_line(headers: dict[str, str]) -> None:
    try:
        check_headers(headers)
    except NotCallable:
        return
    assert not any(one in "\r\n\0" for text in (*headers, *headers.values()) for one in text)


@given(TEXTS, TEXTS)
def test_a_cursor_is_ours_or_refused(cursor: str, scope: str) -> None:
    cursors = Cursors("pepper", listing="jobs")
    with pytest.raises((Problem, AgentWorkersError)):
        cursors.read(cursor, scope=scope)
    row = uuid4()
    assert cursors.read(cursors.written(NOW, row, scope="a"), scope="a") == (NOW, row)
