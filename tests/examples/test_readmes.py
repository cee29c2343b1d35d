"""The READMEs of the examples: every command in them works as it is written."""

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.examples.running import EXAMPLES, Running
from tests.support.repository import ROOT

COMMAND = re.compile(r"^    aw (.*?)(?:  +# .*)?$", re.MULTILINE)
JOB, ANY_JOB = "job_…", re.compile(r"job_[0-9a-f]{32}")


def test_the_commands_of_the_readmes_work_as_they_are_written(examples: Running):
    with ThreadPoolExecutor(len(EXAMPLES)) as together:
        ran = list(together.map(lambda name: follow(examples, name), EXAMPLES))
    assert all(ran)


def test_every_readme_begins_by_starting_its_example():
    for name in EXAMPLES:
        assert f'    make up ARGS="--with examples/{name}"' in readme(name)


def follow(examples: Running, name: str) -> list[str]:
    """Do what a README says, line by line; `job_…` is the job of the line before."""
    said: list[str] = []
    with ExitStack() as at_the_end:
        at_the_end.callback(examples.client.close)  # this thread's connection
        for line in COMMAND.findall(readme(name)):
            words = shlex.split(line)
            if JOB in words:
                (job_id,) = ANY_JOB.findall(said[-1])
                examples.question(examples.client.get(job_id))
                words[words.index(JOB)] = job_id
            said.append(examples.command(*words))
    return said


def readme(name: str) -> str:
    return (ROOT / "examples" / name / "README.md").read_text("utf-8")
