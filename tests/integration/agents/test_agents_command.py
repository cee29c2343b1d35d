"""The command that applies files of agents, and looks at their versions."""

import pytest

from agent_workers.domain.agents.version import digest_of
from agent_workers.domain.ids import TenantId
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.database.engine import Database
from tests.integration.agents.conftest import SHOUTING, Desk

MODEL = "\nname: {name}\nmodel: scripted/small\ninstructions: {text}\n"


def test_a_file_becomes_version_1_and_the_same_file_changes_nothing(desk: Desk):
    assert desk.apply(SHOUTING).out == "speaker version 1: new, and current\n"
    assert desk.apply(SHOUTING).out == "speaker version 1: unchanged\n"


def test_another_definition_is_the_next_version_and_the_old_one_can_come_back(desk: Desk):
    desk.apply(SHOUTING)
    changed = SHOUTING + "description: It speaks.\n"
    assert desk.apply(changed).out == "speaker version 2: new, and current\n"
    assert desk.apply(SHOUTING).out == "speaker version 1: current again\n"
    assert [row["version"] for row in desk.run("list", "--json").json] == ["1"]


def test_a_dry_run_says_what_would_happen_and_does_nothing(desk: Desk):
    assert desk.apply(SHOUTING, "--dry-run").out == "speaker version 1: would be new, and current\n"
    assert "no agents are known" in desk.run("list").err


def test_a_declared_version_means_one_thing_for_ever(desk: Desk):
    assert desk.versions(desk.apply(SHOUTING + "version: v7\n", "--json")) == ["v7"]
    refused = desk.apply(SHOUTING + "version: v7\ndescription: another\n")
    assert refused.code == 2
    assert refused.err == (
        "agent-workers agents: version 'v7' of agent 'speaker' already exists with another"
        " definition: declare another version\n"
    )


def test_of_several_agents_all_are_applied_or_none(desk: Desk):
    both = SHOUTING + "---" + MODEL.format(name="thinker", text="Think of {{nobody}}.")
    refused = desk.apply(both)
    assert refused.code == 2
    assert "agents.yaml:9: instructions: unknown variable 'nobody'; known: none" in refused.err
    assert "no agents are known" in desk.run("list").err


def test_an_agent_that_is_there_twice_is_refused_unless_both_say_their_version(desk: Desk):
    twice = SHOUTING + "---\n" + SHOUTING.lstrip() + "description: another\n"
    refused = desk.apply(twice)
    assert refused.code == 2
    assert "name: 'speaker' is declared twice" in refused.err
    assert "no agents are known" in desk.run("list").err
    first, second = SHOUTING + "version: v1\n", SHOUTING + "version: v2\ndescription: another\n"
    assert desk.versions(desk.apply(f"{first}---\n{second}", "--json")) == ["v1", "v2"]


def test_an_agent_is_retired_and_restored_by_hand_or_by_applying_it_again(desk: Desk):
    def is_retired() -> bool:
        [row] = desk.run("list", "--json").json
        return row["retired_at"] is not None

    desk.apply(SHOUTING)
    said = desk.run("retire", "speaker").out
    assert said == "speaker: retired; it takes no new jobs, and its existing jobs go on\n"
    assert desk.run("retire", "speaker").out == "speaker: already retired\n"
    assert is_retired()
    assert desk.run("restore", "speaker").out == "speaker: takes new jobs again\n"
    assert desk.run("restore", "speaker").out == "speaker: not retired; it takes new jobs\n"
    assert not is_retired()
    desk.run("retire", "speaker")
    assert desk.apply(SHOUTING, "--dry-run").out == "speaker version 1: would be current again\n"
    assert is_retired()
    assert desk.apply(SHOUTING).out == "speaker version 1: current again\n"
    assert not is_retired()


def test_a_retired_agent_is_not_among_those_that_workers_must_serve(desk: Desk, database: Database):
    def names() -> list[str]:
        served = AgentVersions(database).taking_jobs()
        return [one.name for one in served if one.tenant_id == desk.tenant]

    desk.apply(SHOUTING)
    assert names() == ["speaker"]
    desk.run("retire", "speaker")
    assert names() == []


def test_retiring_an_agent_that_is_not_there_is_one_clear_line(desk: Desk):
    refused = desk.run("retire", "nobody")
    assert refused.code == 1
    assert refused.err == (
        f"agent-workers agents: there is no agent 'nobody' of tenant {desk.tenant!r}:"
        " see `agent-workers agents list`\n"
    )


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("model: scripted/smal", "model: model 'scripted/smal' is not in the price table"),
        ("model: 5", "model: input should be a valid string"),
        ("tools: [shuot]", "tools.0: no module of AGENT_TOOLS has a tool 'shuot'"),
        ("tools: [shout@000000]", "tools.0: 'shout' is pinned to schema 000000"),
        ("team: [nobody]", "team.0: there is no agent 'nobody'"),
        ("fallback: nobody", "fallback: there is no agent 'nobody'"),
        ("routes: [{when: 'true', agent: nobody}]", "routes.0.agent: there is no agent 'nobody'"),
        ("routes: [{when: '1 +', agent: x}]", "routes.0.when: "),
        ("limits: {max_steps: 0}", "limits.max_steps: it must be at least 1, not 0"),
        ("limits: {max_step: 5}", "limits.max_step: there is no such member; did you mean"),
        ("colour: red", "colour: there is no such member"),
        ("plan: no.module:x", "plan: 'no.module:x' cannot be imported: no module named 'no'"),
        ("ladders: {plan: [scripted/none]}", "ladders.plan.0: model 'scripted/none' is not in"),
        ("variables: {a: b}", "variables.a: no prompt uses it"),
        ("version: 1", "version: input should be a valid string (put it into quotes"),
    ],
)
def test_a_mistake_is_one_line_with_its_file_and_line(desk: Desk, line: str, mistake: str):
    name = "" if line.startswith("model") else "\nmodel: scripted/small"
    said = desk.apply(f"name: x{name}\n\n{line}\n")
    assert said.code == 2
    assert said.err.count("\n") == 1
    place = 3 if line.startswith("model") else 4
    assert f"agents.yaml:{place}: {mistake}" in said.err


def test_a_model_without_its_key_is_refused_before_any_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    priced = "name: x\nmodel: openai/gpt-5-mini\n"
    assert "has no key: set OPENAI_API_KEY" in desk.apply(priced).err
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert desk.apply(priced).code == 0


def test_what_is_shown_can_be_applied_again(desk: Desk):
    text = SHOUTING.replace("[shout]", "[shout, whisper]") + (
        "instructions: |\n  You are {{who}}.\n  Be short.\nvariables: {who: Ann}\n"
        "limits: {max_steps: 7}\nmax_cost_usd_per_call: 0.015\nstep_timeout_s: 2.5\n"
    )
    desk.apply(text)
    shown = desk.run("show", "speaker@1").out
    assert "tool shout@" in shown
    assert desk.apply(shown).out == "speaker version 1: unchanged\n"


def test_two_versions_are_compared_line_by_line(desk: Desk):
    text = SHOUTING + "instructions: |\n  Be kind.\n  Be short.\n"
    desk.apply(text)
    desk.apply(text.replace("Be short.", "Be long."))
    lines = desk.run("diff", "speaker@1", "speaker@2", "--json").json["lines"]
    assert lines[:2] == ["--- speaker@1", "+++ speaker@2"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  Be short.", "+  Be long."]
    assert desk.run("diff", "speaker@2", "speaker").out == "no differences\n"


def test_a_file_is_compared_with_what_is_current(desk: Desk):
    desk.apply(SHOUTING)
    file = desk.file(SHOUTING.replace("shout", "whisper"), "next.yaml")
    assert "+- whisper" in desk.run("diff", file).out


@pytest.mark.parametrize("verb", ["show", "diff"])
def test_an_unknown_agent_or_version_is_one_clear_line(desk: Desk, verb: str):
    assert desk.run(verb, "nobody").err == (
        "agent-workers agents: there is no agent 'nobody': see `agent-workers agents list`\n"
    )
    desk.apply(SHOUTING)
    said = desk.run(verb, "speaker@9")
    assert (said.code, said.err) == (
        1,
        "agent-workers agents: agent 'speaker' has no version '9', only 1\n",
    )


def test_a_file_that_cannot_be_read_is_a_usage_mistake(desk: Desk):
    said = desk.run("apply", "no-such-file.yaml")
    assert (said.code, said.err.count("\n")) == (2, 1)


def test_every_column_of_a_version_is_refused_a_change(
    desk: Desk, database: Database, tenant: TenantId
):
    desk.apply(SHOUTING)
    with database.connection() as connection:
        columns = connection.execute(
            "select column_name from information_schema.columns where table_name = 'agent_versions'"
        ).fetchall()
        for (column,) in columns:
            with pytest.raises(Exception, match="a version of an agent never changes"):
                connection.execute(
                    f"update agent_versions set {column} = {column} where tenant_id = %s".encode(),
                    (tenant,),
                )
        with pytest.raises(Exception, match="a version of an agent never changes"):
            connection.execute("delete from agent_versions where tenant_id = %s", (tenant,))
    assert len(columns) == 9


def test_the_digest_is_that_of_the_stored_definition(desk: Desk):
    desk.apply(SHOUTING + "output: {type: object, properties: {b: {}, a: {}}}\n")
    shown = desk.run("show", "speaker", "--json").json
    assert digest_of(shown["definition"]) == shown["digest"]
