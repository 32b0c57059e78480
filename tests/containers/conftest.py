"""The composed emulator that the tests of this folder share; they skip where there is no engine."""

import os
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.containers.stack import Stack, free_subnets, missing


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
def built(engine: None, key: Ed25519PrivateKey) -> Iterator[Stack]:
    """A project with its images; nothing of it is left."""
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    settings = {"AIB_EMULATOR_AUTHORIZED_KEY": f"{public.decode()} test"}
    stack = Stack(f"aib-test-{os.getpid()}", *free_subnets(), settings)
    try:
        stack.compose("build", "--quiet")
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="session")
def stack(built: Stack) -> Stack:
    """Every service up and healthy, the client too."""
    started = built.compose("up", "--detach", "--wait", check=False)
    assert started.returncode == 0, f"{started.stderr}\n{built.compose('logs', '--no-color').stdout}"
    return built
