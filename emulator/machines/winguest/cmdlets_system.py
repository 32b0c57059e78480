"""Cmdlets about services, features, processes and the machine: state that is recorded, and nothing behind it."""

from emulator.machines.winguest.cmdlet import Invocation, Run, cmdlet
from emulator.machines.winguest.computer import FEATURES, WINDOWS_VERSION, Service
from emulator.machines.winguest.drive import Drive
from emulator.machines.winguest.operators import wildcard
from emulator.machines.winguest.values import Thing, Value, items, to_integer, to_text


def _service_thing(service: Service, name: str = "") -> Thing:
    """A service; its name is written as it was asked for."""
    properties: dict[str, Value] = {
        "Name": name or service.name,
        "ServiceName": name or service.name,
        "DisplayName": service.display_name,
        "Status": "Running" if service.is_running else "Stopped",
        "StartType": service.start_type,
        "CanStop": service.is_running,
    }
    return Thing(("System.ServiceProcess.ServiceController",), properties, "System.ServiceProcess.ServiceController")


def _services(call: Invocation) -> list[Service]:
    """The services that are asked for; those that are not there are errors."""
    known = call.engine.session.computer.services
    found: list[Service] = []
    for wanted in call.inputs("name") or ["*"]:
        name = to_text(wanted.get("Name")) if isinstance(wanted, Thing) else to_text(wanted)
        matching = [service for key, service in known.items() if wildcard(name).fullmatch(key)]
        if not matching and "*" not in name:
            call.error(
                f"Cannot find any service with service name '{name}'.",
                "NoServiceFoundForGivenName",
                target=name,
            )
        found += matching
    return sorted(found, key=lambda service: service.name.casefold())


async def _get_service(call: Invocation) -> None:
    asked = {name.casefold(): name for name in call.texts("name")}
    for service in _services(call):
        call.emit(_service_thing(service, asked.get(service.name.casefold(), "")))


def _changing(*, is_running: bool) -> Run:
    async def change(call: Invocation) -> None:
        for service in _services(call):
            service.is_running = is_running
            if call.has("passthru"):
                call.emit(_service_thing(service))

    return change


async def _set_service(call: Invocation) -> None:
    for service in _services(call):
        service.start_type = call.text("startuptype", service.start_type)
        status = call.text("status").casefold()
        service.is_running = status == "running" if status else service.is_running


async def _new_service(call: Invocation) -> None:
    name = call.text("name")
    made = Service(
        name, call.text("displayname", name), is_running=False, start_type=call.text("startuptype", "Automatic")
    )
    call.engine.session.computer.services[name.casefold()] = made
    call.emit(_service_thing(made))


async def _get_process(call: Invocation) -> None:
    wanted = [name.casefold().removesuffix(".exe") for name in call.texts("name")]
    for program in call.engine.session.computer.processes.table.values():
        name = program.name.removesuffix(".exe")
        if not wanted or any(wildcard(each).fullmatch(name) for each in wanted):
            properties: dict[str, Value] = {"Id": program.pid, "ProcessName": name, "Name": name}
            call.emit(Thing(("System.Diagnostics.Process",), properties, f"System.Diagnostics.Process ({name})"))


async def _restart(call: Invocation) -> None:
    from emulator.machines.winguest.errors import PowerShellError

    complaint = call.engine.session.computer.restarts.ask(0.0)
    if complaint is not None:
        raise PowerShellError(complaint.sentence, "RestartcomputerFailed", "OperationStopped", activity=call.name)


async def _install_feature(call: Invocation) -> None:
    known = {name.casefold(): name for name in FEATURES}
    names = call.texts("name") or call.texts("featurename")
    unknown = [name for name in names if name.casefold() not in known]
    if unknown:
        raise call.failure(
            f"ArgumentNotValid: The role, role service, or feature name is not valid: '{unknown[0]}'.",
            "NameDoesNotExist",
            "InvalidArgument",
            unknown[0],
        )
    is_removed = call.name.startswith(("Uninstall", "Disable"))
    features = call.engine.session.computer.features
    for name in names:
        (features.discard if is_removed else features.add)(known[name.casefold()])
    properties: dict[str, Value] = {
        "Success": True,
        "RestartNeeded": "No",
        "ExitCode": "Success",
        "FeatureResult": [known[name.casefold()] for name in names],
    }
    call.emit(Thing(("Microsoft.Windows.ServerManager.Commands.FeatureOperationResult",), properties))


async def _get_feature(call: Invocation) -> None:
    features = call.engine.session.computer.features
    wanted = call.texts("name") or call.texts("featurename") or ["*"]
    for name, title in FEATURES.items():
        if any(wildcard(each).fullmatch(name) for each in wanted):
            has = name in features
            properties: dict[str, Value] = {
                "DisplayName": title,
                "Name": name,
                "FeatureName": name,
                "Installed": has,
                "InstallState": "Installed" if has else "Available",
                "State": "Enabled" if has else "Disabled",
            }
            call.emit(Thing(("Microsoft.Windows.ServerManager.Commands.Feature",), properties))


_WMI: dict[str, dict[str, Value]] = {
    "win32_operatingsystem": {
        "Caption": "Microsoft Windows Server 2022 Datacenter",
        "Version": WINDOWS_VERSION.rpartition(".")[0],
        "BuildNumber": "20348",
        "OSArchitecture": "64-bit",
    },
    "win32_computersystem": {"Model": "Virtual Machine", "Manufacturer": "Microsoft Corporation"},
}


async def _get_drive(call: Invocation) -> None:
    drive = call.engine.session.computer.drive
    wanted = call.texts("name") or call.texts("driveletter") or ["C"]
    for name in wanted:
        if name.casefold().rstrip(":") not in ("c", "*"):
            call.error(
                f"Cannot find drive. A drive with the name '{name}' does not exist.", "GetLocationNoMatchingDrive"
            )
        elif call.name == "Get-Volume":
            sizes: dict[str, Value] = {"Size": drive.size_bytes, "SizeRemaining": drive.free_bytes}
            shown: dict[str, Value] = {
                "DriveLetter": "C",
                "FileSystemLabel": "Windows",
                "FileSystem": "NTFS",
                **sizes,
            }
            call.emit(Thing(("Microsoft.Management.Infrastructure.CimInstance#MSFT_Volume",), shown))
        else:
            used = drive.size_bytes - drive.free_bytes
            shown = {"Name": "C", "Used": used, "Free": drive.free_bytes, "Provider": "FileSystem", "Root": "C:\\"}
            call.emit(Thing(("System.Management.Automation.PSDriveInfo",), shown, "C"))


def _disk(drive: Drive) -> dict[str, Value]:
    return {"DeviceID": "C:", "DriveType": 3, "Size": drive.size_bytes, "FreeSpace": drive.free_bytes}


async def _get_instance(call: Invocation) -> None:
    name = call.text("classname") or call.text("class")
    if name.casefold() == "win32_logicaldisk":
        kind = "Microsoft.Management.Infrastructure.CimInstance#ROOT/cimv2/Win32_LogicalDisk"
        call.emit(Thing((kind,), _disk(call.engine.session.computer.drive)))
        return
    found = _WMI.get(name.casefold())
    if found is None:
        raise call.failure(f"Invalid class '{name}'", "HRESULT 0x80041010", "InvalidType", name)
    machine = call.engine.session.computer.name
    properties = {**found, "CSName": machine, "Name": machine}
    call.emit(Thing((f"Microsoft.Management.Infrastructure.CimInstance#ROOT/cimv2/{name}",), properties))


async def _start_process(call: Invocation) -> None:
    from emulator.machines.winguest import programs

    rest = [("", item) for item in items(call.get("argumentlist"))]
    written: list[Value] = []
    line = programs.line_of(call.text("filepath"), rest)
    await programs.run_line(call.engine, line, (), written.append)
    if call.has("passthru"):
        code = call.engine.session.scope.variables.get("lastexitcode", 0)
        call.emit(Thing(("System.Diagnostics.Process",), {"ExitCode": to_integer(code), "HasExited": True}, ""))


CMDLETS = (
    cmdlet("Get-Service", _get_service, "Name", positional="Name"),
    cmdlet("Start-Service", _changing(is_running=True), "Name -PassThru", positional="Name"),
    cmdlet("Stop-Service", _changing(is_running=False), "Name -Force -NoWait -PassThru", positional="Name"),
    cmdlet("Restart-Service", _changing(is_running=True), "Name -Force -PassThru", positional="Name"),
    cmdlet("Set-Service", _set_service, "Name StartupType Status", positional="Name"),
    cmdlet(
        "New-Service",
        _new_service,
        "Name BinaryPathName DisplayName Description StartupType",
        positional="Name BinaryPathName",
    ),
    cmdlet("Get-Process", _get_process, "Name", positional="Name"),
    cmdlet(
        "Start-Process",
        _start_process,
        "FilePath ArgumentList -Wait -NoNewWindow -PassThru",
        positional="FilePath ArgumentList",
    ),
    cmdlet("Restart-Computer", _restart, "-Force ComputerName", positional="ComputerName"),
    cmdlet(
        "Install-WindowsFeature",
        _install_feature,
        "Name -IncludeManagementTools -IncludeAllSubFeature Source",
        positional="Name",
    ),
    cmdlet("Uninstall-WindowsFeature", _install_feature, "Name -Remove", positional="Name"),
    cmdlet("Get-WindowsFeature", _get_feature, "Name", positional="Name"),
    cmdlet(
        "Enable-WindowsOptionalFeature",
        _install_feature,
        "-Online FeatureName -All -NoRestart",
        positional="FeatureName",
    ),
    cmdlet("Disable-WindowsOptionalFeature", _install_feature, "-Online FeatureName -NoRestart"),
    cmdlet("Get-WindowsOptionalFeature", _get_feature, "-Online FeatureName"),
    cmdlet("Get-PSDrive", _get_drive, "Name", positional="Name"),
    cmdlet("Get-Volume", _get_drive, "DriveLetter", positional="DriveLetter"),
    cmdlet("Get-CimInstance", _get_instance, "ClassName Namespace", positional="ClassName"),
    cmdlet("Get-WmiObject", _get_instance, "Class Namespace", positional="Class"),
)
