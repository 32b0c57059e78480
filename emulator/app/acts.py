"""What each verb of a script does on the stage: clients at work, questions to the world, and what happens to it."""

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from emulator.app import questions
from emulator.app.building import build
from emulator.app.stage import Stage
from emulator.app.worlds import load_world
from emulator.errors import InvalidInputError
from emulator.model.default_world import NETWORK, SERVICE_VNET, VNET
from emulator.model.world import World
from emulator.rules.deployment import Wanted
from emulator.rules.playable import playable
from emulator.scenarios import clients, programs
from emulator.scenarios.clients import Hear, Target
from emulator.scenarios.judging import Seen
from emulator.scenarios.patch import Patch
from emulator.scenarios.patches import changed
from emulator.scenarios.step import (
    BuildClient,
    CheckClient,
    Deploy,
    ExplainClient,
    IpFlowClient,
    TcpClient,
    TlsClient,
    Wait,
)

BEFORE = tuple(
    f"{NETWORK}{kind}" for kind in ("virtualNetworks", "networkSecurityGroups", "routeTables", "natGateways")
)
"""Kinds of resources that are there before Image Builder deploys anything."""
At = Callable[[Stage, Any, Hear], Awaitable[Seen]]
"""A client at work."""
Act = Callable[[Stage, Any], Awaitable[tuple[Seen | None, str]]]
"""Anything else: what was seen, if anything, and what is wrong with it, if anything is."""
SOURCES: Mapping[str, Mapping[str, str]] = {
    "linux": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server"},
    "windows": {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2022-datacenter-azure-edition",
    },
}


def _at_target(run: Callable[[Target, Any, Hear], Awaitable[Seen]]) -> At:
    async def client_at(stage: Stage, client: Any, hear: Hear) -> Seen:
        async with stage.target(client.system) as target:
            return await run(target, client, hear)

    return client_at


async def _tcp(stage: Stage, client: TcpClient, _: Hear) -> Seen:
    async with stage.target(client.system) as target:
        return await clients.tcp(target, client, stage.sessions)


async def _tls(stage: Stage, client: TlsClient, _: Hear) -> Seen:
    async with stage.target(client.system) as target:
        return await clients.tls(target, client)


async def _build(stage: Stage, client: BuildClient, hear: Hear) -> Seen:
    lines: list[str] = []

    def told(line: str) -> None:
        lines.append(line)
        hear(line + "\n")

    found = await build(stage.channel, template_of(stage.channel.world, client), told=told)
    end = [] if found.failure is None else [str(found.failure), *found.failure.output, found.last_run.message]
    return Seen("works" if found.succeeded else "fails", "\n".join([*lines, *end]))


def template_of(world: World, client: BuildClient) -> dict[str, Any]:
    """An image template for a world, with one customizer."""
    linux = client.system == "linux"
    group = f"/subscriptions/{'0' * 8}-0000-0000-0000-{'0' * 12}/resourceGroups/aib-emulator/providers"
    customizer = {"type": "Shell" if linux else "PowerShell", "name": "customize", "inline": list(client.inline)}
    image = f"{group}/Microsoft.Compute/images/image"
    target = {"type": "ManagedImage", "imageId": image, "location": "westeurope", "runOutputName": "image"}
    subnet = world.parts.subnet
    networked = {"vnetConfig": {"subnetId": subnet.text}} if subnet and world.topology == "existing-vnet" else {}
    identity = f"{group}/Microsoft.ManagedIdentity/userAssignedIdentities/image-builder"
    return {
        "id": f"{group}/Microsoft.VirtualMachineImages/imageTemplates/scenario",
        "type": "Microsoft.VirtualMachineImages/imageTemplates",
        "apiVersion": "2024-02-01",
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "source": {"type": "PlatformImage", "version": "latest", **SOURCES[client.system]},
            "customize": [customizer],
            "distribute": [target],
            "vmProfile": {"vmSize": "Standard_D2ds_v4", **networked},
        },
    }


async def _deploy(stage: Stage, client: Deploy, _: Hear) -> Seen:
    world = stage.channel.world
    given = {each["id"]: each for each in stage.channel.resources()}
    given |= {each["id"]: each for each in changed(list(given.values()), client.changes)}
    wanted = Wanted(world.topology, None, _as_customers(world.parts.subnet.text if world.parts.subnet else None))
    try:
        playable(load_world(resources=list(_customers(given.values())), wanted=wanted, switches=world.switches))
    except InvalidInputError as error:
        return Seen("fails", str(error))
    return Seen("works", "Azure deploys it")


def _customers(resources: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is there before Image Builder deploys its channel, under names of the customer's."""
    for each in resources:
        if each["type"] in BEFORE and each["name"] != SERVICE_VNET.name:
            yield _as_customers(each)


def _as_customers(value: Any) -> Any:
    """The same in a network that is not the default world's own, so that a channel is deployed into it."""
    return json.loads(json.dumps(value).replace(f"/{VNET.name}", f"/customers-{VNET.name}"))


CLIENTS: Mapping[str, At] = {
    "tcp": _tcp,
    "tls": _tls,
    "ssh": _at_target(clients.ssh),
    "openssh": _at_target(programs.openssh),
    "winrm": _at_target(clients.by_winrm),
    "packer": _at_target(programs.packer),
    "build": _build,
    "deploy": _deploy,
}


async def _check(stage: Stage, wanted: CheckClient) -> tuple[Seen, str]:
    found = [each for each in questions.check(stage.channel.world) if each.name == wanted.item]
    said = "; ".join(map(str, found)) or f"there is no item {wanted.item}"
    wrong = "" if wanted.state in {each.state for each in found} else f"found {said}, expected {wanted.state}"
    return Seen("works", said), wrong


async def _ip_flow(stage: Stage, wanted: IpFlowClient) -> tuple[Seen, str]:
    found = questions.ip_flow(
        stage.channel.world, wanted.vm, direction=wanted.direction, local=wanted.local, remote=wanted.remote
    )
    said = f"{found.access} by {found.rule_name}"
    right = found.access == wanted.access and wanted.rule in found.rule_name
    return Seen("works", said), "" if right else f"found {said}, expected {wanted.access} {wanted.rule}"


async def _explain(stage: Stage, wanted: ExplainClient) -> tuple[Seen, str]:
    verdict = questions.explain(stage.channel.world, wanted.source, wanted.to).end().verdict
    said = f"{verdict.outcome.value}: {verdict.sentence}"
    right = verdict.outcome.value == wanted.outcome and wanted.says in said
    return Seen("works", said), "" if right else f"found {said}, expected {wanted.outcome} {wanted.says}"


async def _change(stage: Stage, patches: tuple[Patch, ...]) -> tuple[None, str]:
    await stage.change(patches)
    return None, ""


async def _reset(stage: Stage, _: bool) -> tuple[None, str]:  # noqa: FBT001 - the form of ACTS
    await stage.channel.reset()
    return None, ""


async def _machine(stage: Stage, states: Mapping[str, str]) -> tuple[None, str]:
    for hop, state in states.items():
        await stage.channel.set_machine(hop, state)
    return None, ""


async def _fault(stage: Stage, values: Mapping[str, Any]) -> tuple[None, str]:
    stage.channel.faults.add(values)
    return None, ""


async def _heal(stage: Stage, name: str) -> tuple[None, str]:
    stage.channel.remove_fault(name)
    return None, ""


async def _wait(stage: Stage, wait: Wait) -> tuple[None, str]:
    if wait.verb == "seconds":
        await stage.channel.scene.clock.sleep(wait.value)
        return None, ""
    return None, await (stage.until_states if wait.verb == "machine" else stage.until)(wait.value)


ACTS: Mapping[str, Act] = {
    "check": _check,
    "ip_flow": _ip_flow,
    "explain": _explain,
    "change": _change,
    "reset": _reset,
    "machine": _machine,
    "fault": _fault,
    "heal": _heal,
    "wait": _wait,
}
