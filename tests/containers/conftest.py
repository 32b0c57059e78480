"""The composed emulator that the tests of this folder share; they skip where there is no engine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.containers.stack import Stack, free_ports, free_subnets, missing, settings_folder

QUICK = "time_scale: 5\nswitches: {proxy_connect_timeout: 10}\n"


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine with Compose."""
    reason = missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    """The key that may log in to the Linux build VM."""
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def key_file(key: Ed25519PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as OpenSSH's client reads it."""
    file = tmp_path_factory.mktemp("key") / "key"
    file.touch(mode=0o600)
    form = serialization.PrivateFormat.OpenSSH
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return file


@pytest.fixture(scope="session")
def built(engine: None, key: Ed25519PrivateKey) -> Iterator[Stack]:
    """A project with its images; nothing of it is left."""
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    settings = {"AIB_EMULATOR_AUTHORIZED_KEY": f"{public.decode()} test", **free_ports()}
    stack = Stack(f"aib-test-{os.getpid()}", *free_subnets(), settings)
    try:
        stack.build()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="session")
def stack(built: Stack) -> Stack:
    """Every service up and healthy, the client too."""
    built.up()
    return built


@pytest.fixture(scope="session")
def quick(built: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A channel to break, and its client: probes go each second, and the proxy tries a build VM for two."""
    folder = settings_folder(tmp_path_factory.mktemp("quick"), QUICK)
    with built.beside("quick", COMPOSE_PROFILES="client", AIB_EMULATOR_CONFIG_FOLDER=str(folder)).running() as found:
        yield found
