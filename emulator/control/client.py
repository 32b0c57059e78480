"""Talk to a running emulator over its control API."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from emulator.control import state
from emulator.errors import InvalidInputError, UnavailableError

PUBLISHED = "http://127.0.0.1:8060"
"""Where a composed channel publishes its control API."""
PATIENCE = 30.0
"""Real seconds for an answer."""


@dataclass(frozen=True, slots=True)
class Control:
    """A running emulator's control API.

    Attributes:
        url: as `http://127.0.0.1:8060`.
        token: its bearer token.
    """

    url: str
    token: str

    def status(self) -> dict[str, Any]:
        """The fields of `status --json`."""
        return dict(self._ask("GET", "/emulator/status"))

    def world(self) -> list[dict[str, Any]]:
        """The running world's resources in REST shape."""
        return list(self._ask("GET", "/emulator/world")["value"])

    def apply(self, resources: Sequence[object]) -> list[dict[str, Any]]:
        """Lay resources over the running world; returns all of it.

        Raises:
            InvalidInputError: the emulator found something wrong; nothing changed.
        """
        return list(self._ask("PUT", "/emulator/world", {"value": list(resources)})["value"])

    def reset(self) -> list[dict[str, Any]]:
        """Play the world it started with again."""
        return list(self._ask("POST", "/emulator/reset", {})["value"])

    def shutdown(self) -> None:
        """Ask the emulator to stop; returns before it has."""
        self._ask("POST", "/emulator/stop", {})

    def events(self, *, follow: bool = False) -> Iterator[dict[str, Any]]:
        """Every event so far, and with `follow` each new one until the emulator stops."""
        connection, answer = self._send("GET", "/emulator/events" + ("?follow=1" if follow else ""), None, follow)
        try:
            for line in answer:
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError):
            return  # it stopped in the middle of a line
        finally:
            connection.close()

    def machines(self) -> dict[str, str]:
        """The state of each machine."""
        found: dict[str, str] = self._ask("GET", "/emulator/machines")
        return found

    def set_machine(self, hop: str, state: str) -> dict[str, str]:
        """Bring a machine into a state; the states of all.

        Raises:
            InvalidInputError: no such machine or state.
        """
        found: dict[str, str] = self._ask("PUT", f"/emulator/machines/{quote(hop, safe='')}", {"state": state})
        return found

    def begin_build(self, guid: str, template: Mapping[str, Any], system: str) -> dict[str, Any]:
        """Have what a build needs deployed, and a fresh build VM; the build, as status prints it.

        Raises:
            InvalidInputError: the emulator does not play what the template needs.
            UnavailableError: another build is under way, or this emulator takes none.
        """
        return dict(self._ask("PUT", f"/emulator/builds/{guid}", {"template": template, "system": system}))

    def cancel_build(self, guid: str) -> None:
        """Ask for a build to be cancelled; returns before it has.

        Raises:
            InvalidInputError: there is no such build under way.
        """
        self._ask("POST", f"/emulator/builds/{guid}/cancel", {})

    def delete_template(self, template: str) -> None:
        """Have the staging groups of a template's builds deleted, as with the template.

        Raises:
            UnavailableError: a build of it is under way.
        """
        self._ask("DELETE", "/emulator/builds", {"template": template})

    def end_build(self, guid: str, *, keep: bool = False) -> None:
        """Have it deleted again, or with `keep` shown as kept."""
        self._ask("DELETE", f"/emulator/builds/{guid}", {"keep": keep})

    def faults(self) -> list[dict[str, Any]]:
        """Each running fault."""
        return list(self._ask("GET", "/emulator/faults")["value"])

    def add_fault(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Add a fault; with its name and its seed.

        Raises:
            InvalidInputError: with every finding; nothing changed.
        """
        return dict(self._ask("POST", "/emulator/faults", dict(values)))

    def remove_fault(self, name: str) -> list[dict[str, Any]]:
        """Remove a fault; those that are left.

        Raises:
            InvalidInputError: there is none of that name.
        """
        return list(self._ask("DELETE", f"/emulator/faults/{quote(name, safe='')}")["value"])

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._ask("DELETE", "/emulator/faults")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection, answer = self._send(method, path, body, follow=False)
        try:
            return json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnavailableError(f"the emulator at {self.url} gave no whole answer: {error}") from None
        finally:
            connection.close()

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        follow: bool,  # noqa: FBT001 - private
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = _connection(self.url, None if follow else PATIENCE)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise UnavailableError(f"no emulator answers at {self.url}: {error}") from None
        if answer.status >= 400:
            message = _message(answer)
            connection.close()
            raise (InvalidInputError if answer.status in (400, 415) else UnavailableError)(message)
        return connection, answer


def _connection(url: str, timeout: float | None) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = -1
    if parts.scheme != "http" or not parts.hostname or port < 0:
        raise InvalidInputError(f"--control: found {url!r}, expected a URL as http://127.0.0.1:8060")
    return http.client.HTTPConnection(parts.hostname, port, timeout=timeout)


def _message(answer: http.client.HTTPResponse) -> str:
    try:
        return str(json.loads(answer.read())["error"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return f"the control API answered {answer.status}"


def find(control: str | None = None, environ: Mapping[str, str] = os.environ) -> Control:
    """The running emulator: at a URL (`--control`, `AIB_EMULATOR_CONTROL`), or the one of the state folder.

    Raises:
        UnavailableError: none is running.
    """
    folder = state.home(environ)
    given = control or environ.get("AIB_EMULATOR_CONTROL")
    note = state.running(folder) if folder.is_dir() else None
    own = str(note["control"]) if note else ""
    url = given or own or (PUBLISHED if answers(PUBLISHED) else "")
    if not url:
        raise UnavailableError(
            f"no emulator is running from {folder}, and none is published at {PUBLISHED}; start one with "
            "`aib-emulator up --detach` or `docker compose up --wait`, or name one with --control"
        )
    kept = _kept_token(folder) if url == own or given else ""
    return Control(url, environ.get("AIB_EMULATOR_TOKEN") or kept or _token_of_engine(url))


def answers(url: str) -> bool:
    """Whether a control API listens at a URL; who asks has no token yet."""
    connection = _connection(url, 1.0)
    try:
        connection.request("GET", "/emulator/health")
        return connection.getresponse().status in (200, 503)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _token_of_engine(url: str) -> str:
    """The token that a composed channel's control made, fetched through the engine; empty where there is none."""
    from emulator.control import engine

    try:
        return engine.token(urlsplit(url).port or 80)
    except UnavailableError:
        return ""


def _kept_token(folder: Any) -> str:
    try:
        return str((folder / "token").read_text()).strip()
    except OSError:
        return ""
