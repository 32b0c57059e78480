"""Faults: what WinRM says no with, each with the code that clients look for."""

import html
from dataclasses import dataclass

from emulator.errors import PeerError
from emulator.wire.wsman import names

TIMED_OUT = 2150858793
INVALID_SELECTORS = 2150858843
BAD_HEADER = 2150858767
SCHEMA_VALIDATION = 2150858817
SHELL_QUOTA = 2150859173
OPERATION_QUOTA = 2150859174
COMMAND_QUOTA = 2150859241
SHELL_DISCONNECTED = 2150859194
SHELL_CONNECTED = 2150859189
INVALID_PARAMETER = 87
FILE_NOT_FOUND = 2147942402
ACTION_NOT_SUPPORTED = 2150858819
INVALID_RESOURCE = 2150858834
ABORTED = 995
ACCESS_DENIED = 5


@dataclass(eq=False)
class WsmanFaultError(PeerError):
    """A request that is answered with a fault.

    Attributes:
        code: the number in `f:WSManFault/@Code`.
        sender: whether it is the sender's doing (else the receiver's).
        subcode: a qualified name with the prefix `w` or `a`.
        reason: a sentence for a person.
        detail: the last part of the fault detail's URI, or an empty string.
        message: what the detail says, where that is not the reason.
        provider: the name and path of the plugin that says it, where it is one of them.
        is_wmi: whether the detail also tells the code as a WMI error, where some clients look for it.
        relates_to: the MessageID of the request, verbatim; empty where it could not be read.
    """

    code: int
    sender: bool
    subcode: str
    reason: str
    detail: str = ""
    message: str = ""
    is_wmi: bool = False
    provider: tuple[str, str] | None = None
    relates_to: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.subcode}, {self.code})"


def timed_out() -> WsmanFaultError:
    """The long poll ended without output; the Go client looks for the word `OperationTimeout` in the reason."""
    reason = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
    return WsmanFaultError(TIMED_OUT, sender=False, subcode="w:TimedOut", reason=reason)


def unknown_shell() -> WsmanFaultError:
    """The shell or command is not there, or is somebody else's."""
    reason = (
        "The WS-Management service cannot process the request because the request contained invalid selectors "
        "for the resource."
    )
    return WsmanFaultError(
        INVALID_SELECTORS, sender=True, subcode="w:InvalidSelectors", reason=reason, detail="UnexpectedSelectors"
    )


def too_many_shells(limit: int) -> WsmanFaultError:
    """The user's quota of shells is spent."""
    reason = (
        "The WS-Management service cannot process the request. This user is allowed a maximum number of "
        f"{limit} concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user."
    )
    return WsmanFaultError(SHELL_QUOTA, sender=True, subcode="w:QuotaLimit", reason=reason)


def too_many_operations(limit: int) -> WsmanFaultError:
    """The user's quota of requests at one time is spent; Ansible reads the code from the WMI error."""
    reason = (
        "The WS-Management service cannot process the request. The maximum number of concurrent operations for this "
        f"user has been exceeded. Close existing operations for this user, or raise its quota of {limit}."
    )
    return WsmanFaultError(OPERATION_QUOTA, sender=False, subcode="w:InternalError", reason=reason, is_wmi=True)


def too_many_commands(limit: int) -> WsmanFaultError:
    """The shell's quota of commands is spent."""
    reason = (
        "The WS-Management service cannot process the request. The maximum number of concurrent commands per shell, "
        f"{limit}, has been exceeded. Retry your request later or raise the Maximum Commands per Shell quota."
    )
    return WsmanFaultError(COMMAND_QUOTA, sender=True, subcode="w:QuotaLimit", reason=reason)


def unknown_command() -> WsmanFaultError:
    """The shell has no such command, or has no longer."""
    fault = unknown_shell()
    fault.message = (
        "The Windows Remote Shell received a request to perform an operation on a command identifier that does not "
        "exist. Either the command has completed execution or the client specified an invalid command identifier. "
    )
    return fault


def disconnected() -> WsmanFaultError:
    """The client left the shell, and has not come back to it."""
    reason = (
        "The WinRM service cannot process the request because the WinRS shell instance is currently disconnected. "
        "Reconnect to the shell instance and resubmit the request."
    )
    return WsmanFaultError(SHELL_DISCONNECTED, sender=True, subcode="w:InvalidSelectors", reason=reason)


def connected() -> WsmanFaultError:
    """Somebody is still connected to the shell that another client asks for."""
    reason = "The WinRM shell client cannot connect to the shell because another client is connected to it."
    return WsmanFaultError(SHELL_CONNECTED, sender=True, subcode="w:InvalidSelectors", reason=reason)


def missing_command_id() -> WsmanFaultError:
    """A Receive on a command shell names no command."""
    reason = "The parameter is incorrect."
    provider = ("Shell cmd plugin", "%systemroot%\\system32\\winrscmd.dll")
    return WsmanFaultError(
        INVALID_PARAMETER, sender=True, subcode="w:InvalidParameter", reason=reason, provider=provider
    )


def bad_header(name: str, value: str) -> WsmanFaultError:
    """A header has a value that nobody can use."""
    reason = (
        "The WS-Management service cannot process the request because a header is not valid: "
        f"{name} is {value[:80]!r}."
    )
    return WsmanFaultError(BAD_HEADER, sender=True, subcode="a:InvalidMessageInformationHeader", reason=reason)


def bad_schema(what: str) -> WsmanFaultError:
    """The envelope is not what the schema says."""
    reason = f"The SOAP XML in the message does not match the corresponding XML schema definition: {what}."
    return WsmanFaultError(SCHEMA_VALIDATION, sender=True, subcode="w:SchemaValidationError", reason=reason)


def unsupported_action(action: str) -> WsmanFaultError:
    """Nobody here does that."""
    reason = f"The WS-Management service does not support the action {action[:200]!r}."
    return WsmanFaultError(ACTION_NOT_SUPPORTED, sender=True, subcode="a:ActionNotSupported", reason=reason)


def unknown_resource(resource: str) -> WsmanFaultError:
    """Nobody here has that."""
    reason = f"The WS-Management service does not have the resource {resource[:200]!r}."
    return WsmanFaultError(
        INVALID_RESOURCE, sender=True, subcode="a:DestinationUnreachable", reason=reason, detail="InvalidResourceURI"
    )


def file_not_found() -> WsmanFaultError:
    """A program that should run without cmd.exe is not there."""
    reason = "The system cannot find the file specified."
    return WsmanFaultError(FILE_NOT_FOUND, sender=False, subcode="w:InternalError", reason=reason)


def unencrypted() -> WsmanFaultError:
    """A message came neither within TLS nor sealed."""
    reason = "Access is denied. Unencrypted traffic is disabled in the service configuration."
    return WsmanFaultError(ACCESS_DENIED, sender=True, subcode="w:AccessDenied", reason=reason)


def aborted() -> WsmanFaultError:
    """The shell was deleted while a request waited on it."""
    reason = "The I/O operation has been aborted because of either a thread exit or an application request."
    return WsmanFaultError(ABORTED, sender=False, subcode="w:InternalError", reason=reason)


def body(fault: WsmanFaultError, machine: str) -> str:
    """The SOAP body of a fault; `machine` is the computer that says it."""
    reason, who = html.escape(fault.reason), html.escape(machine)
    detail = f"<w:FaultDetail>{names.FAULT_DETAIL}/{fault.detail}</w:FaultDetail>" if fault.detail else ""
    message = html.escape(fault.message) or reason
    if fault.provider:
        name, path = map(html.escape, fault.provider)
        message = f'<f:ProviderFault provider="{name}" path="{path}">{message}</f:ProviderFault>'
    return (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason><s:Detail>{detail}'
        f'<f:WSManFault xmlns:f="{names.FAULT}" Code="{fault.code}" Machine="{who}">'
        f"<f:Message>{message}</f:Message></f:WSManFault>{_wmi_error(fault, message)}</s:Detail></s:Fault>"
    )


def _wmi_error(fault: WsmanFaultError, message: str) -> str:
    if not fault.is_wmi:
        return ""
    return (
        f'<p:MSFT_WmiError xmlns:p="{names.WMI_ERROR}"><p:error_Category>30</p:error_Category>'
        f"<p:error_Code>{fault.code}</p:error_Code><p:error_Type>HRESULT</p:error_Type>"
        f"<p:Message>{message}</p:Message></p:MSFT_WmiError>"
    )
