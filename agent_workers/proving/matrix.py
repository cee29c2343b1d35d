"""What a proof prints: progress while it runs, the matrix of all trials, and every wrong."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent_workers.proving.trials.judge import Judged
from agent_workers.proving.trials.trials import Due, Fault

_EVERY = 25


@dataclass(slots=True)
class Progress:
    """One line now and then, and one at once for whatever is wrong."""

    total: int
    loud: bool = True
    done: int = 0
    wrong: int = 0

    def __call__(self, judged: Judged) -> None:
        self.done += 1
        if judged.wrongs:
            self.wrong += 1
            print(f"  WRONG {judged.trial.name}: {'; '.join(judged.wrongs)}", flush=True)
        if self.loud and (self.done % _EVERY == 0 or self.done == self.total):
            print(f"  {self.done} of {self.total} trials, {self.wrong} wrong", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All trials of a proof, and what the databases say of themselves afterwards."""

    seed: int
    judged: Sequence[Judged]
    broken: Sequence[str] = field(default_factory=list)

    @property
    def is_proven(self) -> bool:
        return not self.broken and not any(one.wrongs for one in self.judged)

    def counts(self) -> dict[str, int]:
        words = Counter(_word(wrong) for one in self.judged for wrong in one.wrongs)
        ends = Counter(one.seen.status for one in self.judged)
        return {
            "trials": len(self.judged),
            "struck": sum(one.seen.struck for one in self.judged),
            "duplicates": words["duplicate"],
            "lost": words["lost"],
            "unfinished": words["unfinished"],
            "other wrongs": sum(words.values())
            - sum(words[word] for word in ("duplicate", "lost", "unfinished")),
            "in doubt": sum(one.seen.doubted for one in self.judged),
            "quarantined": ends["quarantined"],
            "duplicates of a broken assumption": sum(
                one.trial.due is Due.DUPLICATE and not one.wrongs for one in self.judged
            ),
        }

    def print(self) -> None:
        print(self.matrix())
        print(", ".join(f"{number} {word}" for word, number in self.counts().items()))
        for wrong in self.broken:
            print(f"  WRONG {wrong}")
        for one in self.judged:
            if one.wrongs:
                print(f"  WRONG {one.trial.name} at {', '.join(one.places) or 'no point'}")
                print(f"        {'; '.join(one.wrongs)}; {one.seen}")
                print(f"        repeat it with: --seed {self.seed} --only '{one.trial.name}'")
        sys.stdout.flush()

    def matrix(self) -> str:
        """Classes by faults: how many trials, and in brackets how many of them ended in doubt."""
        variants = list(dict.fromkeys(one.trial.variant.name for one in self.judged))
        faults = [fault for fault in Fault if any(one.trial.fault is fault for one in self.judged)]
        head = f"{'class':<14}" + "".join(f"{fault.value:>11}" for fault in faults)
        rows = [
            f"{name:<14}" + "".join(self._cell(name, one) for one in faults) for name in variants
        ]
        return "\n".join((f"seed {self.seed}: trials (in doubt)", head, *rows))

    def _cell(self, variant: str, fault: Fault) -> str:
        here = [
            one
            for one in self.judged
            if one.trial.variant.name == variant and one.trial.fault is fault
        ]
        if not here:
            return f"{'-':>11}"
        wrong = sum(bool(one.wrongs) for one in here)
        doubted = sum(one.seen.doubted for one in here)
        said = f"{len(here)}" + (f" ({doubted})" if doubted else "")
        return f"{said + (f' !{wrong}' if wrong else ''):>11}"


def _word(wrong: str) -> str:
    return wrong.partition(":")[0]
