"""What a worker imports when it starts: nothing that most workers never use."""

import subprocess
import sys


def test_a_worker_starts_without_numpy_and_litellm() -> None:
    script = (
        "import agent_workers.worker.programs.main, sys;"
        " print(sorted({'litellm', 'numpy', 'tokenizers'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
