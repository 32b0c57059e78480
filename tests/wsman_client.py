"""Write WS-Management requests as a client would, and read the replies."""

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from emulator.wire.wsman import names

COMMAND_LINE = "<rsp:CommandLine><rsp:Command>{}</rsp:Command></rsp:CommandLine>"
RECEIVE = '<rsp:Receive><rsp:DesiredStream CommandId="{}">stdout stderr</rsp:DesiredStream></rsp:Receive>'
SIGNAL = '<rsp:Signal CommandId="{}"><rsp:Code>' + names.SHELL + "/signal/{}</rsp:Code></rsp:Signal>"


def envelope(
    action: str,
    body: str,
    *,
    shell_id: str = "",
    message_id: str = "uuid:1",
    timeout: str = "PT20S",
    size: str = "153600",
    resource: str = names.CMD_RESOURCE,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A request."""
    selectors = f'<w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
    chosen = "".join(f'<w:Option Name="{name}">{value}</w:Option>' for name, value in (options or {}).items())
    return (
        f'<s:Envelope xmlns:s="{names.SOAP}" xmlns:a="{names.ADDRESSING}" xmlns:w="{names.WSMAN}" '
        f'xmlns:rsp="{names.SHELL}"><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>{html.escape(message_id)}</a:MessageID><w:ResourceURI>{resource}</w:ResourceURI>"
        f"<w:MaxEnvelopeSize>{size}</w:MaxEnvelopeSize><w:OperationTimeout>{timeout}</w:OperationTimeout>"
        f"<w:OptionSet>{chosen}</w:OptionSet>{selectors if shell_id else ''}</s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed answer."""

    tree: Element

    @classmethod
    def of(cls, data: bytes) -> "Reply":
        """The answer in these bytes."""
        return cls(ElementTree.fromstring(data))

    def text(self, namespace: str, name: str) -> str:
        """The text of the first element of that name."""
        return next(self.tree.iter(f"{{{namespace}}}{name}")).text or ""

    @property
    def relates_to(self) -> str:
        """The message ID that it answers."""
        return self.text(names.ADDRESSING, "RelatesTo")

    @property
    def action(self) -> str:
        """Its action."""
        return self.text(names.ADDRESSING, "Action")

    @property
    def shell_id(self) -> str:
        """The selector that pywinrm and the Go client read."""
        return next(node for node in self.tree.iter() if node.get("Name") == "ShellId").text or ""

    @property
    def command_id(self) -> str:
        """The started command's."""
        return self.text(names.SHELL, "CommandId")

    @property
    def fault(self) -> tuple[int, str]:
        """The code and subcode of a fault."""
        code = next(self.tree.iter(f"{{{names.FAULT}}}WSManFault")).get("Code", "")
        return int(code), [value.text or "" for value in self.tree.iter(f"{{{names.SOAP}}}Value")][1]

    def stream(self, name: str) -> bytes:
        """All of one stream's bytes."""
        found = [node for node in self.tree.iter(f"{{{names.SHELL}}}Stream") if node.get("Name") == name]
        return b"".join(base64.b64decode(node.text or "") for node in found)

    @property
    def exit_code(self) -> int | None:
        """The exit code of a command that is done."""
        states = [node.get("State") for node in self.tree.iter(f"{{{names.SHELL}}}CommandState")]
        return int(self.text(names.SHELL, "ExitCode")) if states == [names.DONE] else None
