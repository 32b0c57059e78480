"""Says its words to everybody who connects, until its standard input ends: `python3 -c … PORT WORDS`.

So that a dial knows who answered: a network outside may answer for any address. It prints the port, once it listens.
"""

import contextlib
import socket
import sys
import threading


def speak(listening: socket.socket, words: str) -> None:
    """Say the words to one after the other."""
    while True:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(f"{words}\n".encode())


def main(port: int, words: str) -> None:
    """Speak until nobody needs us."""
    with socket.create_server(("0.0.0.0", port)) as listening:
        threading.Thread(target=speak, args=(listening, words), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
