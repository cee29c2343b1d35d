"""What can go wrong when a server is started on this machine; each message names the remedy."""


class EmbeddedServerError(Exception):
    """A server of our own could not be found, started or used."""


class ProgramNotFound(EmbeddedServerError):
    pass


class FolderInUse(EmbeddedServerError):
    pass


class ServerDidNotStart(EmbeddedServerError):
    pass


class PortTaken(EmbeddedServerError):
    pass


class ServerRefused(EmbeddedServerError):
    pass
