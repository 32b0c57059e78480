"""What the guest's root has beside programs: the list of the packages that they came in."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.machines.sandbox.host import probe_sandbox
from tests.linux_vm import LinuxVm, linux_vm

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt"),
]
PACKAGE = """
mkdir -p p/DEBIAN p/usr/bin p/usr/lib/systemd/system p/usr/share/man/man1
echo 'echo hello from a package' >p/usr/bin/aib-hello; chmod 755 p/usr/bin/aib-hello
touch p/usr/lib/systemd/system/aib-hello.service p/usr/share/man/man1/aib-hello.1
for each in 'Package: aib-hello' 'Version: 1' 'Architecture: all' 'Maintainer: m' 'Description: d'; do
  echo "$each" >>p/DEBIAN/control
done
dpkg-deb --root-owner-group -Zgzip -b p aib-hello.deb
"""


@pytest.fixture
async def vm(tmp_path: Path) -> AsyncIterator[LinuxVm]:
    if reason := await probe_sandbox():
        pytest.skip(reason)
    async with linux_vm(tmp_path, "sandbox") as running:
        yield running


async def test_the_packages_of_its_programs_are_installed(vm: LinuxVm) -> None:
    """`apt-get` takes its lock, finds what is there already, and says of what is not that it cannot be located."""
    there = await vm.run("sudo apt-get install -y dpkg")
    absent = await vm.run("sudo apt-get install -y aib-no-such-package")

    assert (there.exit_code, b"0 newly installed" in there.stdout) == (0, True), there
    assert absent.exit_code == 100
    assert b"Unable to locate package aib-no-such-package" in absent.stderr


async def test_a_package_is_installed_and_removed(vm: LinuxVm) -> None:
    """It comes into the list and the folders of programs, and goes again; the machine's own stay as they were."""
    installed = await vm.run(f"set -e\ncd /tmp\n{PACKAGE}\nsudo apt-get install -y ./aib-hello.deb\naib-hello", 60)
    removed = await vm.run("sudo apt-get remove -y aib-hello && sudo dpkg --configure -a && ! dpkg -s aib-hello", 60)

    assert installed.exit_code == 0, installed
    assert installed.stdout.endswith(b"hello from a package\n")
    assert removed.exit_code == 0, removed
    assert not shutil.which("aib-hello")
