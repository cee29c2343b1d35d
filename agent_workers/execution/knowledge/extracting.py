"""A process that reads one HTML or PDF file: `python -m …extracting KIND CPU_SECONDS MEMORY`.

Parsers of what strangers wrote get a process of their own: it may use so much and no more, and
nothing but itself ends with it.
"""

import json
import resource
import sys

from agent_workers.domain.memory.knowledge import Kind, ReadText, Unreadable, refuse_too_much
from agent_workers.execution.knowledge.html import read_html
from agent_workers.execution.knowledge.pdf import read_pdf


def main() -> None:
    kind, cpu_s, memory = Kind(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _bound(cpu_s, memory)
    try:
        told: object = _told(_read(kind, sys.stdin.buffer.read()))
    except Unreadable as error:
        told = {"unreadable": str(error)}
    except MemoryError:
        told = {"unreadable": f"reading it takes more than {memory >> 20} MiB of memory"}
    sys.stdout.buffer.write(json.dumps(told).encode("ascii"))


def _bound(cpu_s: int, memory: int) -> None:
    bounds = {resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    if sys.platform != "darwin":  # macOS refuses this one
        bounds[resource.RLIMIT_AS] = memory
    for kind, most in bounds.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _read(kind: Kind, content: bytes) -> ReadText:
    read = read_pdf(content) if kind is Kind.PDF else read_html(content)
    refuse_too_much(read)
    return read


def _told(read: ReadText) -> object:
    return {"title": read.title, "passages": [[one.heading, one.text] for one in read.passages]}


if __name__ == "__main__":
    main()
