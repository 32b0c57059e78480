"""What can go wrong and is somebody's doing; a bug is an AssertionError instead."""


class EmulatorError(Exception):
    """The parent of every error this package raises on purpose; `str()` is a sentence for a person."""


class InvalidInputError(EmulatorError):
    """A document, setting or option is wrong.

    The message says where it stands (file, resource ID, field), what was found and what is allowed. Several
    findings are reported together, one a line.
    """


class NotLoadedError(InvalidInputError, LookupError):
    """A decision needs a resource that something refers to and nobody loaded."""


class UnavailableError(EmulatorError):
    """Something outside us is missing or taken: a port, a namespace, an engine, a running emulator."""


class PeerError(EmulatorError):
    """The other end broke the protocol or refused us."""
