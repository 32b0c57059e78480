"""Fetch what steps name, before anything is deployed: http(s), files, or a local folder that mirrors an address.

The service stages scripts when a template is submitted, tries each ten times and compares checksums (azure.md 1.6).
"""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from emulator.build.log import Told
from emulator.build.provision import Fetched
from emulator.build.steps import File, Plan, Source, Step, source_of
from emulator.clock import Clock
from emulator.errors import InvalidInputError

ATTEMPTS = 10
RETRY_SECONDS = 5.0
"""How long the service waits between attempts is documented nowhere."""
LARGEST_BYTES = 512 * 1024 * 1024
PATIENCE = 60.0
"""Real seconds for one download: a server outside the emulator knows nothing of its clock."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder that holds what is below an address."""

    url: str
    folder: Path


def mirror_of(text: str) -> Mirror:
    """A mirror as the command line has it: `URL=DIR`.

    Raises:
        InvalidInputError: it is none, or there is no such folder.
    """
    url, separator, folder = text.rpartition("=")
    if not separator or "://" not in url or not folder:
        raise InvalidInputError(f"--mirror: found {text!r}, expected URL=DIR, as https://host/scripts=./scripts")
    if not Path(folder).is_dir():
        raise InvalidInputError(f"--mirror: {folder}: found no folder of that name, expected one with what {url} has")
    return Mirror(url.rstrip("/") + "/", Path(folder))


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Where sources come from, how long it waits between attempts, and who hears of those that failed."""

    mirrors: tuple[Mirror, ...]
    clock: Clock
    told: Told

    async def all(self, plan: Plan) -> Fetched:
        """What a plan's steps name, all of it, fetched at the same time.

        Raises:
            InvalidInputError: with a line for each source that cannot be had, or is not what its checksum says.
        """
        steps: dict[Source, tuple[Step, int]] = {}
        for number, step in enumerate((*plan.steps, *plan.validators)):
            source = source_of(step)
            if source is not None:
                steps.setdefault(source, (step, number))
        async with asyncio.TaskGroup() as group:
            tasks = {
                source: group.create_task(self._found(step, source, number))
                for source, (step, number) in steps.items()
            }
        found = {source: task.result() for source, task in tasks.items()}
        lines = [each for each in found.values() if isinstance(each, str)]
        if lines:
            raise InvalidInputError("\n".join(lines))
        return Fetched({source: each for source, each in found.items() if isinstance(each, bytes)})

    async def _found(self, step: Step, source: Source, number: int) -> bytes | str:
        """What a source has, or why it cannot be had."""
        try:
            return await self._verified(step, source, number)
        except InvalidInputError as error:
            return str(error)

    async def _verified(self, step: Step, source: Source, number: int) -> bytes:
        content = await self._tried(step, source, number)
        digest = hashlib.sha256(content).hexdigest()
        if source.sha256 and digest != source.sha256:
            raise InvalidInputError(
                f"{step.place}.sha256Checksum: found {source.sha256}, expected {digest}: that is the checksum of "
                f"what {source.uri} has"
            )
        return content

    async def _tried(self, step: Step, source: Source, number: int) -> bytes:
        """Ten attempts; the message of each failure is the service's own."""
        why, local = "", f"{number:05}.0.customizer.fp"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await _once(source.uri, self.mirrors)
            except InvalidInputError as error:
                why = str(error)
            tried = f"[attempt {attempt} of {ATTEMPTS}] failed"
            self.told(f"Downloading external file ({source.uri}) to local file ({local}) {tried}")
            if attempt < ATTEMPTS:
                await self.clock.sleep(RETRY_SECONDS)
        field = "sourceUri" if isinstance(step, File) else "scriptUri"
        raise InvalidInputError(
            f"{step.place}.{field}: found {source.uri}, expected something that can be fetched: {why} "
            f"({ATTEMPTS} attempts); `--mirror URL=DIR` names a folder that has it"
        )


async def _once(uri: str, mirrors: tuple[Mirror, ...]) -> bytes:
    """The bytes at an address; of a mirror where one has them.

    Raises:
        InvalidInputError: they cannot be had.
    """
    for mirror in mirrors:
        if uri.startswith(mirror.url):
            return await asyncio.to_thread(_file, _inside(mirror, uri))
    if uri.startswith("file://"):
        return await asyncio.to_thread(_file, Path(unquote(urlsplit(uri).path)))
    return await _download(uri)


def _inside(mirror: Mirror, uri: str) -> Path:
    """The file of an address; an address never leads out of its mirror's folder."""
    wanted = (mirror.folder / unquote(urlsplit(uri).path[len(urlsplit(mirror.url).path) :])).resolve()
    if not wanted.is_relative_to(mirror.folder.resolve()):
        raise InvalidInputError(f"{wanted} is outside {mirror.folder}")
    return wanted


def _file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInputError(f"{path} has more than {LARGEST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from None


async def _download(uri: str) -> bytes:
    import aiohttp

    limit = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=limit, trust_env=True) as session, session.get(uri) as answer:
            if answer.status != 200:
                raise InvalidInputError(f"the server answered {answer.status} {answer.reason}")
            content = await answer.content.read(LARGEST_BYTES)
            return content + await answer.read() if not answer.content.at_eof() else content
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise InvalidInputError(" ".join(str(error).split()) or type(error).__name__) from None
