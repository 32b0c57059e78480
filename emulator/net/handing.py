"""Hand a connection over to an event loop's transport, so that its descriptor is closed once, whatever happens.

uvloop closes the descriptor of a transport that fails as it begins (the peer has reset already), and leaves the
socket object open: closed later, it would close whichever connection has that number by then.
"""

import contextlib
import os
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def handed(connection: socket.socket) -> Iterator[socket.socket]:
    """A duplicate of a connection, for a transport to own; the body makes the transport.

    Raises:
        OSError: there is no descriptor left for it.
    """
    own = connection.dup()
    inode = os.fstat(own.fileno()).st_ino
    try:
        yield own
    except BaseException:
        _let_go(own, inode)
        raise


def _let_go(own: socket.socket, inode: int) -> None:
    """Close it unless its descriptor is closed already, and perhaps another's by now."""
    try:
        still_ours = own.fileno() >= 0 and os.fstat(own.fileno()).st_ino == inode
    except OSError:
        still_ours = False
    if still_ours:
        own.close()
    else:
        own.detach()
