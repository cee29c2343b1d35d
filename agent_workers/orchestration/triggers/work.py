"""What one message asks for, worked out before anything is stored, within the bounds of a message."""

from dataclasses import dataclass, field

from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.trigger import Selector, TooMuchAtOnce, Trigger
from agent_workers.orchestration.triggers.arriving import Arrived, dead
from agent_workers.state.jobs.submissions import Asked
from agent_workers.state.triggers.dead_letters import DeadLetter

# What all triggers may take for all events of one message: about a quarter of a second.
STEPS_OF_MESSAGE = 1_000_000
# How many jobs one message starts, and what these may have as their inputs.
JOBS_OF_MESSAGE = 1_000
BYTES_OF_MESSAGE = 16 << 20
# How many mistakes are told, each in so many characters; the others are counted.
MISTAKES_TOLD = 100
_LONGEST_MISTAKE = 300


@dataclass(slots=True, kw_only=True)
class Becomes:
    """What becomes of one event: keys of jobs, and what did not work by the trigger's name."""

    event: CloudEvent
    keys: list[str] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    more_mistakes: int = 0


@dataclass(slots=True, kw_only=True)
class Work:
    """What one message asks for."""

    arrived: Arrived
    asked: dict[str, tuple[Trigger, Asked]] = field(default_factory=dict)
    events: list[Becomes] = field(default_factory=list)
    size: int = 0
    _steps: int = STEPS_OF_MESSAGE
    _told: int = 0
    _unfilled: int = 0
    _first_unfilled: str = ""

    @property
    def letter(self) -> DeadLetter | None:
        """One for the message, however many triggers could not fill their templates from it."""
        if self.arrived.letter or not self._unfilled:
            return self.arrived.letter
        count = f"{self._unfilled} templates failed; the first: " if self._unfilled > 1 else ""
        return dead(
            self.arrived.message,
            origin=self.arrived.origin,
            code="template_failed",
            detail=count + self._first_unfilled,
        )

    @property
    def octets(self) -> int:
        """How much there is to store: the inputs, and the message when it is a letter."""
        is_letter = self.arrived.letter or self._unfilled
        return self.size + (len(self.arrived.message.body) if is_letter else 0)

    def pay(self, selector: Selector, steps: int) -> None:
        """Refuse a message whose events cost too much together, so that none of them is lost."""
        self._steps -= steps
        if self._steps < 0:
            raise TooMuchAtOnce(
                "the conditions and templates of all triggers take too many steps together"
                f" (at trigger {selector.name!r}): send fewer events at once, or simplify them"
            )

    def ask(self, key: str, trigger: Trigger, asked: Asked) -> None:
        self.asked[key] = trigger, asked
        self.size += len(asked[0].input)
        if len(self.asked) > JOBS_OF_MESSAGE:
            raise TooMuchAtOnce(
                f"these events start more than {JOBS_OF_MESSAGE} jobs: send fewer events at once"
            )
        if self.size > BYTES_OF_MESSAGE:
            raise TooMuchAtOnce(
                f"these events start jobs with more than {BYTES_OF_MESSAGE >> 20} MiB of inputs"
                " together: send fewer events at once"
            )

    def tell(self, becomes: Becomes, name: str, mistake: str) -> None:
        """Note what did not work, in full for the first ones only."""
        if self._told < MISTAKES_TOLD:
            self._told += 1
            becomes.mistakes[name] = mistake[:_LONGEST_MISTAKE]
        else:
            becomes.more_mistakes += 1

    def tell_unfilled(self, becomes: Becomes, name: str, mistake: str) -> None:
        self.tell(becomes, name, mistake)
        self._unfilled += 1
        if self._unfilled == 1:
            self._first_unfilled = f"trigger {name!r}, event {becomes.event.id!r}: {mistake}"
