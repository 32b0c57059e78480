"""Virtual machines of the default world."""

from tests.worlds import world


def test_sizes() -> None:
    """The proxy VM is a Standard_A1_v2, a build VM's default is azure.md 1.5's generation 2 size."""
    sizes = {machine.id.name: machine.size for machine in world().machines}

    assert sizes == {
        "proxy": "Standard_A1_v2",
        "build-linux": "Standard_D2ds_v4",
        "build-windows": "Standard_D2ds_v4",
    }
