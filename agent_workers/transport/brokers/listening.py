"""Whether a program may listen on its port, or one line that says why not."""

import errno
import socket

from agent_workers.domain.running.exits import Away, WronglyTold


def check_port(host: str, port: int, *, to_change: str) -> None:
    """Raise when a port cannot be had; `to_change` names the option and the setting of another."""
    place = f"port {port} of {host or 'every address'}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: a port whose last connections are in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Away(
                f"{place} is taken, perhaps by an earlier start or by `agent-workers up`"
                f" (`lsof -i :{port}` shows): stop that, or choose another with {to_change}"
            ) from error
        hint = "; ports below 1024 need root" if error.errno == errno.EACCES else ""
        raise WronglyTold(
            f"cannot listen on {place} ({error.strerror}{hint}): change {to_change}"
        ) from error
