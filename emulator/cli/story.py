"""The steps of `demo`, each with what it must end in."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from emulator.app.channel import Channel
from emulator.app.config import Config
from emulator.app.run import start
from emulator.cli import drawing, show, witness
from emulator.errors import EmulatorError, PeerError
from emulator.model.network import SecurityGroup, SecurityRule
from emulator.model.ports import PortRange
from emulator.model.world import System
from emulator.observe import Event, Record

COMMANDS: tuple[tuple[System, str], ...] = (("linux", "uname -a; id"), ("windows", "hostname"), ("windows", "ver"))
HOPS = ("load-balancer", "proxy")
"""The hops that record a connection, in the order it crosses them."""
PATIENCE = 2.0
"""Real seconds the demo's client waits for a connect; Packer's and OpenSSH's wait longer."""
INDENT = 3
GIVES_UP = 10.0
"""Real seconds within which the proxy must have given up; it takes three."""
RULE = SecurityRule("", 300, "Inbound", "Deny", "Tcp")


@dataclass(frozen=True, slots=True)
class Story:
    """Where it is told, and about whom."""

    out: Console
    aside: Console
    channel: Channel

    def say(self, *lines: RenderableType) -> None:
        """Print below the chapter's title."""
        for line in lines:
            self.out.print(Padding.indent(line, INDENT))

    def title(self, number: int, text: str) -> None:
        """Begin a chapter."""
        self.out.print()
        self.out.print(Text.assemble((f" {number} ", "bold reverse cyan"), f" {text}", style="bold"))


async def told(out: Console, aside: Console, config: Config) -> None:
    """Tell all of it; progress goes aside.

    Raises:
        PeerError: a step did not end as it must; the message names it.
    """
    async with contextlib.AsyncExitStack() as stack:
        with _step(aside, "starting the channel"):
            channel = await stack.enter_async_context(start(config=config))
        story = Story(out, aside, channel)
        for number, chapter in enumerate((_path, _commands, _segment_one, _segment_two, _heal), 1):
            await chapter(story, number)
        found = channel.approximated
    out.print()
    out.print(Text("Stopped; nothing is left running.", "dim"))
    show.approximations(out, found)
    if not found:
        out.print(Text("Nothing of this was approximated on this machine.", "green"))
    out.print(Text("Next: aib-emulator up --detach, then ssh, scp, pywinrm or Packer at it.", "dim"))


@contextlib.contextmanager
def _step(aside: Console, name: str) -> Iterator[None]:
    """Show that something is under way; what goes wrong meanwhile went wrong in this step."""
    spinner = aside.status(name) if aside.is_terminal else contextlib.nullcontext()
    with spinner:
        try:
            yield
        except EmulatorError as error:
            raise PeerError(f"demo: {name}: {error}") from error


async def _path(story: Story, number: int) -> None:
    story.title(number, "The path of Image Builder's commands, with Azure's addresses, all on this machine")
    story.say(drawing.path(story.channel.world))


async def _commands(story: Story, number: int) -> None:
    story.title(number, "A command on each build VM, over real SSH and real WinRM")
    with _step(story.aside, "the paths' trials end"):
        await _closed(story.channel, 0, HOPS * len(story.channel.entries))
    for system, command in COMMANDS:
        await _command(story, system, command)


async def _command(story: Story, system: System, command: str) -> None:
    channel = story.channel
    since = len(channel.events())
    with _step(story.aside, f"running `{command}` on build-{system}"):
        outcome = await channel.run(system, command)
        if outcome.exit_code != 0:
            raise PeerError(f"exit code {outcome.exit_code}: {outcome.stderr.decode(errors='replace').strip()}")
        records = await _closed(channel, since, HOPS)
    prompt = f"{channel.account.username}@build-{system}"
    story.say("", Text.assemble((prompt, "green"), (" $ ", "dim"), (command, "bold")))
    for line in outcome.stdout.decode(errors="replace").strip().splitlines():
        story.say(Text(line))
    for record in sorted(records, key=lambda each: HOPS.index(each.hop)):
        story.say(_record_line(record))


async def _closed(channel: Channel, since: int, hops: Sequence[str]) -> list[Record]:
    """The close records after the first `since` events, once there is one of each hop.

    Raises:
        PeerError: there are fewer.
    """

    def closes(found: list[Event]) -> list[Record]:
        return [event for event in found if isinstance(event, Record) and event.kind == "close"]

    records = closes(await witness.events(channel, since, lambda found: len(closes(found)) >= len(hops)))
    if sorted(record.hop for record in records) != sorted(hops):
        raise PeerError(f"expected a record of each of {', '.join(hops)}, found {len(records)}")
    return records


def _record_line(record: Record) -> Text:
    """What one hop recorded of a connection, in a line."""
    counts = f"{record.bytes_from_client:,} B → ← {record.bytes_to_client:,} B"
    text = f"{record.source} → {record.to}  {counts}, ended by {record.ended_by} with {record.how.upper()}"
    return Text.assemble((f"{record.hop:<14}", "magenta"), (text, "dim"))


async def _segment_one(story: Story, number: int) -> None:
    story.title(number, "Segment one breaks: a rule denies load balancer → proxy on 60001")
    nat = str(story.channel.world.service.nat_address) if story.channel.world.service else "*"
    rule = _deny("DenyProxyFromPrivateLink", nat, 60001)
    story.say(drawing.rule_line(rule), drawing.leg("linux", "proxy"))
    with _step(story.aside, "a client connects, and gets no answer"):
        since = await _applied(story.channel, rule)
        tried = await witness.tried(_door(story.channel), seconds=PATIENCE)
        record = await _because(story.channel, since, rule)
        if tried.ended or tried.heard or (tried.connected and not record.approximated):
            raise PeerError(f"expected a connect without an answer, found {tried}")
    how = "the connect got no answer" if not tried.connected else "connected and held, no answer"
    _explain(story, f"client: {how} within {tried.seconds:.1f} s, and timed out", record)


async def _segment_two(story: Story, number: int) -> None:
    story.title(number, "Segment two breaks: a rule denies proxy → build VM on 22")
    proxy = story.channel.world.proxies[0]
    rule = _deny("DenySshFromProxy", str(story.channel.world.interface_of(proxy).address), 22)
    story.say(drawing.rule_line(rule), drawing.leg("linux", "build-linux"))
    scale = story.channel.scene.clock.scale
    with _step(story.aside, "a client connects, and hears nothing until the proxy gives up"):
        since = await _applied(story.channel, rule)
        tried = await witness.tried(_door(story.channel), seconds=GIVES_UP)
        record = await _because(story.channel, since, rule)
        await _closed(story.channel, since, HOPS)
        if not (tried.connected and tried.ended) or tried.heard:
            raise PeerError(f"expected silence, then an end by the proxy, found {tried}")
    waited = f"{tried.seconds:.1f} s ({tried.seconds * scale:.0f} s of Azure's time)"
    _explain(story, f"client: connected at once, then heard nothing for {waited}, then the end: no banner", record)


async def _heal(story: Story, number: int) -> None:
    story.title(number, "Healed: the rules are the documented ones again")
    with _step(story.aside, "the rules are reset"):
        await story.channel.reset()
    await _command(story, "linux", "hostname")


def _deny(name: str, source: str, port: int) -> SecurityRule:
    return replace(RULE, name=name, source_prefixes=(source,), destination_ports=(PortRange(port, port),))


async def _applied(channel: Channel, rule: SecurityRule) -> int:
    """Lay the rule over the subnet's own group as it was at first; how many events there were before."""
    await channel.reset()
    group = channel.world.groups[0]
    since = len(channel.events())
    await channel.apply(SecurityGroup(group.id, (rule, *group.rules), group.location))
    return since


def _door(channel: Channel) -> tuple[str, int]:
    endpoint = channel.status.endpoints["linux"]
    return endpoint.host, endpoint.port


async def _because(channel: Channel, since: int, rule: SecurityRule) -> Record:
    """The record that names the rule.

    Raises:
        PeerError: no hop recorded it.
    """

    def named(found: list[Event]) -> list[Record]:
        return [event for event in found if isinstance(event, Record) and event.reason.name == rule.name]

    records = named(await witness.events(channel, since, lambda found: bool(named(found))))
    if not records:
        raise PeerError(f"no hop recorded an attempt that {rule.name} denied")
    return records[0]


def _explain(story: Story, client: str, record: Record) -> None:
    story.say(Text(client, "yellow"))
    where = f"recorded by {record.hop}, leg {record.leg}"
    story.say(Text(where, "magenta"), Text.assemble("“", (record.sentence, "bold"), "”"))
