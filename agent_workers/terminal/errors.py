"""What can go wrong on the command line; each message is one line that names the remedy."""

from agent_workers.domain.errors import AgentWorkersError


class CommandFailed(AgentWorkersError):
    """The command could not do what was asked."""

    code = "command_failed"
    exit_code = 1


class WronglyAsked(CommandFailed):
    """What was asked for makes no sense as it stands."""

    exit_code = 2


class ProgramGaveUp(CommandFailed):
    """A program says that its settings are wrong: starting it again would not help."""

    exit_code = 2
