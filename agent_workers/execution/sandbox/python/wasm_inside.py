"""Runs CPython for WASI in wasmtime: a child process of its own, started by its path.

Its Python has no files, no sockets and no processes; what it reads and writes are our pipes.
"""

import sys
from pathlib import Path

import wasmtime

_FAILED = 1


def main() -> int:
    if sys.argv[1] == "compile":
        return _compile(Path(sys.argv[2]), Path(sys.argv[3]))
    return _run(sys.argv[2], int(sys.argv[3]), sys.argv[4])


def _compile(source: Path, place: Path) -> int:
    """Compile once what takes long."""
    place.write_bytes(wasmtime.Module.from_file(_engine(), str(source)).serialize())
    return 0


def _run(compiled: str, memory: int, source: str) -> int:
    engine = _engine()
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=memory)
    store.set_wasi(_world(source))
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    module = wasmtime.Module.deserialize_file(engine, compiled)
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as left:
        return left.code
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        sys.stderr.write(str(error).strip().splitlines()[-1][:500])
        return _FAILED
    return 0


def _engine() -> wasmtime.Engine:
    """Make the engine; what it compiles can be read only by one that is made in the same way."""
    return wasmtime.Engine(wasmtime.Config())


def _world(source: str) -> wasmtime.WasiConfig:
    world = wasmtime.WasiConfig()
    world.argv = ("python", "-I", "-S", "-X", "utf8", "-c", source)
    world.inherit_stdin()
    world.inherit_stdout()
    world.inherit_stderr()
    return world


if __name__ == "__main__":
    sys.exit(main())
