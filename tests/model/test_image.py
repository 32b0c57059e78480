"""Image templates: what of them decides."""

from dataclasses import replace

from emulator.model.ids import resource_id
from emulator.model.image import ImageTemplate, NetworkConfig

TEMPLATE = ImageTemplate(resource_id("Microsoft.VirtualMachineImages/imageTemplates", "t"))


def test_where_it_was_written_does_not_count() -> None:
    """A template is the same in a file that somebody wrote and in what Azure prints of it."""
    assert replace(TEMPLATE, api_version="2024-02-01", strict=True, properties={"source": {}}) == TEMPLATE
    assert replace(TEMPLATE, network=NetworkConfig()) != TEMPLATE


def test_an_absent_proxy_size_is_not_an_empty_one() -> None:
    """`proxyVmSize` may be absent or empty, and rules about it tell these apart (azure.md 1.5)."""
    assert NetworkConfig(proxy_size="") != NetworkConfig()
