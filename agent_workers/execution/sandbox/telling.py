"""How a program ended that did not come to its end, in a word for programs and in a sentence."""

from agent_workers.execution.sandbox.ports import (
    Died,
    NotFinished,
    OutOfMemory,
    Raised,
    Refused,
    TimedOut,
    TooMuchOutput,
)


def code_of(ran: NotFinished) -> str:
    match ran:
        case Raised():
            return "code_raised"
        case TimedOut():
            return "code_timed_out"
        case OutOfMemory():
            return "code_out_of_memory"
        case TooMuchOutput():
            return "code_too_much_output"
        case Died():
            return "code_died"
        case Refused():
            return "code_refused"


def told(ran: NotFinished) -> str:
    match ran:
        case Raised():
            return f"{ran.error}: {ran.message}"
        case TimedOut():
            return f"not done within {ran.after.total_seconds():g} s"
        case OutOfMemory():
            return f"it needs more than {ran.memory} bytes of memory"
        case TooMuchOutput():
            return f"its output has more than {ran.output} bytes"
        case Died():
            return f"the interpreter died: {ran.how}"
        case Refused():
            return ran.reason
