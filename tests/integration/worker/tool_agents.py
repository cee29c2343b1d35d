"""An agent that has built-in tools by their names; which it uses is told by its input."""

from agent_workers import Agent, Answer, Continue, Plan, Situation, Use
from tests.integration.sandbox.isolated_tools import crash, look_around


def _plan(situation: Situation) -> Plan:
    rounds = situation.input["rounds"]
    return Plan([Use(name, arguments) for name, arguments in rounds[situation.round]])


def _evaluate(situation: Situation) -> Answer | Continue:
    if situation.round + 1 < len(situation.input["rounds"]):
        return Continue("more")
    return Answer([past.value for past in situation.history if past.kind == "tool"])


armed = Agent(
    name="armed",
    tools=[
        "write_file",
        "read_file",
        "list_files",
        "delete_file",
        "remember",
        "recall",
        "http_get",
        "sql_query",
        "search_knowledge",
        "python_code",
        look_around,
        crash,
    ],
    plan=_plan,
    evaluate=_evaluate,
)
