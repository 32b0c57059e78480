"""Move a file there and back by pypsrp: `PORT USER PASSWORD SOURCE TARGET`.

A process of its own, since pypsrp copies what it has of a message for each fragment that comes, and the C library's
allocator makes that ten times slower than it must be unless its variables say otherwise.
"""

import sys
import warnings

from pypsrp.client import Client


def main() -> None:
    """Copy the file, and fetch it."""
    port, user, password, source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    told = {"port": int(port), "cert_validation": False, "no_proxy": True, "auth": "ntlm"}
    with Client("127.0.0.1", username=user, password=password, **told) as client:
        path = client.copy(source, "C:\\Windows\\Temp\\moved by pypsrp.bin")
        client.fetch(path, target)


if __name__ == "__main__":
    main()
