"""Tools and Python parts that agents in YAML name."""

from agent_workers import Answer, Continue, Effect, Plan, Situation, Use, tool, wait_for_event


@tool(effect=Effect.PURE)
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


@tool(effect=Effect.PURE)
def whisper(text: str) -> str:
    """Say it softly."""
    return text.lower()


def shout_it(situation: Situation) -> Plan:
    """Use the loud tool."""
    return Plan([Use("shout", {"text": situation.text})])


def whisper_it(situation: Situation) -> Plan:
    """Use the soft tool."""
    return Plan([Use("whisper", {"text": situation.text})])


def wait_first(situation: Situation) -> Plan:
    """Wait for an event in the first round, speak in the second."""
    return Plan([wait_for_event("go")]) if situation.round == 0 else shout_it(situation)


def wait_then_whisper(situation: Situation) -> Plan:
    """The same, softly."""
    return Plan([wait_for_event("go")]) if situation.round == 0 else whisper_it(situation)


def first_result(situation: Situation) -> Answer | Continue:
    """Take what a tool said; an event is no answer."""
    result = situation.results[0]
    return Continue() if result.tool == "wait_for_event" else Answer(result.value)
