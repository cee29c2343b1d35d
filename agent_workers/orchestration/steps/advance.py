"""The driver, and the only loop: claim, do, record; then carry on or ring."""

from dataclasses import replace

from agent_workers.domain import codec
from agent_workers.domain.agents.engine_tools import ENGAGED
from agent_workers.domain.claim import Claimed, Recorded, RecordResult
from agent_workers.domain.decision import Decision, Park, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.reply import Written
from agent_workers.domain.step import Broke, Outcome, StepKind, ToolFailed, ToolRan
from agent_workers.orchestration.carrying import (
    TAIL,
    Following,
    Going,
    carried_on,
    due,
    due_next,
    halt,
    remember,
    steps_of,
)
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.act_rules import Acted, Parked
from agent_workers.orchestration.effects.keeping_evidence import Proving
from agent_workers.orchestration.engine_tools.run import Engaging, elsewhere
from agent_workers.orchestration.failing import broken, late
from agent_workers.orchestration.patience import patiently
from agent_workers.orchestration.ports import Book, Effects, Perform, Ring, Tell
from agent_workers.orchestration.steps.after_step import Aftermath
from agent_workers.orchestration.steps.not_served import no_tool
from agent_workers.orchestration.steps.telling import say_end
from agent_workers.orchestration.steps.tool_slots import Places
from agent_workers.orchestration.store import Begun, Past, Recording
from agent_workers.orchestration.traits import NOBODY, AgentTraits, Lacking


class Driver:
    """Does one claimed step and records it; returns the next one when it may carry on."""

    def __init__(  # noqa: PLR0913 (the parts of the engine, each by its name)
        self,
        *,
        book: Book,
        claims: Past,
        records: Recording,
        engaging: Engaging,
        perform: Perform,
        tools: Effects,
        protocol: EffectProtocol,
        ring: Ring,
        tell: Tell,
        aftermath: Aftermath,
        places: Places,
        calls: Begun,
        proving: Proving,
        patience_s: float = 20.0,
    ) -> None:
        self._book = book
        self._claims = claims
        self._records = records
        self._engaging = engaging
        self._perform = perform
        self._tools = tools
        self._protocol = protocol
        self._ring = ring
        self._tell = tell
        self._aftermath = aftermath
        self._places = places
        self._calls = calls
        self._proving = proving
        self._patience_s = patience_s

    def advance(self, claimed: Claimed, onward: Going = halt) -> Following:
        """Do one step; return what the same worker may go on with, if that is known already."""
        agent = self._book(claimed)
        if isinstance(agent, Lacking):
            return self._leave(claimed, NOBODY, agent, onward)
        if not agent.has(claimed.tool):
            return self._leave(claimed, agent, no_tool(claimed), onward)
        try:
            return self._do(claimed, agent, onward)
        except StateUnavailable:
            raise
        # Whatever nobody foresaw is an attempt too, or the step would be done for ever.
        except (Exception, SystemExit) as error:  # noqa: BLE001  # it is logged with what follows
            broke = broken(claimed, error, self._calls.begun_micro(claimed))
            return self._settle(claimed, agent, broke, halt)

    def _leave(
        self, claimed: Claimed, agent: AgentTraits, lacking: Lacking, onward: Going
    ) -> Following:
        """Leave a step to a worker that can do it, unless there is nothing to do any more."""
        match self._protocol.without_its_tool(claimed, lacking.reason):
            case None:
                decision = self._aftermath.unserved(claimed, agent, lacking)
                return self._commit(claimed, *decision, onward)
            case Parked():
                self._tell(claimed.job_id)
                return None
            case Acted() as acted:
                return self._record_act(claimed, agent, acted, onward)

    def _do(self, claimed: Claimed, agent: AgentTraits, onward: Going) -> Following:
        if claimed.tool in ENGAGED:
            return self._engage(claimed, agent, onward)
        kept = self._tools.kept(claimed) if agent.caches(claimed.tool) else None
        if kept is not None:
            return self._settle(claimed, agent, kept, onward)
        with self._places.held(claimed, agent) as full:
            return self._try(claimed, agent, full, onward)

    def _try(
        self, claimed: Claimed, agent: AgentTraits, full: Park | None, onward: Going
    ) -> Following:
        """Do what nothing is in the way of: neither too many calls of a tool, nor its breaker."""
        barred = full or (self._aftermath.barred(claimed) if claimed.tool else None)
        match claimed.effect:
            case EffectClass.PURE | EffectClass.TRANSACTIONAL if barred is not None:
                decision = self._aftermath.kept_off(claimed, agent, barred, certain=True)
                return self._commit(claimed, *decision, onward)
            case EffectClass.PURE:
                claimed = self._with_past(claimed)
                result = self._perform(claimed, lambda: claimed.history or ())
                return self._settle(claimed, agent, result, onward)
            case EffectClass.TRANSACTIONAL:
                return self._write(claimed, agent, onward)
            case _:
                return self._act(claimed, agent, barred, onward)

    def _engage(self, claimed: Claimed, agent: AgentTraits, onward: Going) -> Following:
        """Wait without a worker, or go on with what has come."""
        claimed, engaged = self._engaging(claimed, agent)
        if not isinstance(engaged, Park):
            return self._settle(claimed, agent, engaged, onward)
        return self._commit(claimed, engaged, b"", onward)

    def time_out(self, claimed: Claimed) -> None:
        """Record for a step whose thread is stuck that its attempt is over."""
        agent = self._book(claimed)
        if isinstance(agent, AgentTraits) and not claimed.effect.ended_by_kernel:
            broke = late(claimed, self._calls.begun_micro(claimed))
            self._settle(claimed, agent, broke, halt)

    def stand_down(self, claimed: Claimed) -> None:
        """Give back a step undone, so that another worker may come for it at once."""
        if self._records.stand_down(claimed) == "ready":
            self._ring([due(claimed, high=True)], parent=None)

    def _settle(
        self, claimed: Claimed, agent: AgentTraits, result: Outcome | Broke, onward: Going
    ) -> Following:
        decision, written = self._aftermath.after(claimed, agent, result)
        return self._commit(claimed, decision, written, onward)

    def _commit(
        self, claimed: Claimed, decision: Decision, written: bytes, onward: Going
    ) -> Following:
        recorded = patiently(
            lambda: self._records.record(claimed, decision, written=written, onward=onward()),
            seconds=self._patience_s,
        )
        return self._follow(claimed, decision, written, recorded, onward)

    def _write(self, claimed: Claimed, agent: AgentTraits, onward: Going) -> Following:
        """Run a transactional tool: its statements and its record stand or fall together."""
        wish = self._tools.write(claimed)
        if not isinstance(wish, Written):
            return self._settle(claimed, agent, wish, onward)
        decision, written = self._aftermath.after(claimed, agent, ToolRan(result=wish.result))
        recorded = self._records.record_with(
            claimed, decision, wish.statements, written=written, onward=onward()
        )
        if isinstance(recorded, Recorded):
            return self._follow(claimed, decision, written, recorded, onward)
        if isinstance(recorded, Broke):
            return self._settle(claimed, agent, recorded, onward)
        failed = ToolFailed(code="statement_refused", message=recorded)
        return self._settle(claimed, agent, failed, onward)

    def _act(
        self, claimed: Claimed, agent: AgentTraits, barred: Park | None, onward: Going
    ) -> Following:
        traits = agent.tools[claimed.tool]
        acted = self._protocol.run(
            claimed, traits.rules, max_tries=traits.max_tries, barred=barred is not None
        )
        match acted:
            case Parked(why="barred", certainly_not=certain) if barred is not None:
                decision = self._aftermath.kept_off(claimed, agent, barred, certain=certain)
                return self._commit(claimed, *decision, onward)
            case Parked():
                self._aftermath.left(claimed)
                if acted.why == "stopping":
                    self.stand_down(claimed)
                self._tell(claimed.job_id)
                return None
            case Acted():
                return self._record_act(claimed, agent, acted, onward)

    def _record_act(
        self, claimed: Claimed, agent: AgentTraits, acted: Acted, onward: Going
    ) -> Following:
        """Keep the evidence and record the step in one transaction; evidence needs no fence."""
        with self._proving.safe(claimed, acted.proof):
            decision, written = self._aftermath.after(claimed, agent, acted.outcome, acted)
            recorded = self._proving.record(claimed, decision, acted.proof, written, onward)
        return self._follow(claimed, decision, written, recorded, onward)

    def _follow(
        self,
        claimed: Claimed,
        decision: Decision,
        written: bytes,
        recorded: Recorded,
        onward: Going,
    ) -> Following:
        """After the commit: tell who waits, ring for what we do not carry on with ourselves."""
        self._tell(claimed.job_id)
        say_end(claimed, decision, recorded)
        away = elsewhere(claimed, decision, recorded, onward())
        if away:
            self._ring(away, parent=None)
        if recorded.result is not RecordResult.RECORDED or recorded.first_position is None:
            return recorded.claimed
        steps = steps_of(decision)
        first = recorded.first_position
        others = [
            due_next(claimed, step, first + i)
            for i, step in enumerate(steps)
            if i + 1 != recorded.carried
        ]
        if others:
            self._ring(others, parent=onward().task_id)
        if not recorded.carried or isinstance(decision, TryAgain | Park):
            return recorded.claimed
        history = remember(claimed, codec.done(claimed, decision.outcome, written), len(steps))
        return carried_on(claimed, decision, recorded, history)

    def _with_past(self, claimed: Claimed) -> Claimed:
        if claimed.kind is StepKind.TOOL or claimed.history is not None or claimed.position == 0:
            return claimed
        return replace(claimed, history=self._claims.history(claimed, limit=TAIL))
