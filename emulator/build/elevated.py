"""The scheduled task by which Packer runs a command elevated, or as the Local System.

github.com/hashicorp/packer-plugin-sdk, guestexec/elevated.go (MPL-2.0): a build VM knows it by its whole text, and so
it is Packer's own, word for word.
"""

from dataclasses import dataclass
from xml.sax.saxutils import escape

SYSTEM_USER = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Task:
    """A command to be run by a task; without a password it is a service account's."""

    name: str
    user: str
    password: str
    command: str
    log: str

    @property
    def script(self) -> str:
        """The script that registers the task, runs it, prints what it writes, and ends with its code."""
        values = {
            "<name>": self.name,
            "<user>": self.user,
            "<password>": self.password,
            "<log>": self.log,
            "<command>": escape(f"{self.command} > {self.log} 2>&1", {'"': "&#34;", "'": "&#39;"}),
        }
        text = SCRIPT
        for place, value in values.items():
            text = text.replace(place, value)
        return text


SCRIPT = r"""
$name = "<name>"
$log = [System.Environment]::ExpandEnvironmentVariables("<log>")
$s = New-Object -ComObject "Schedule.Service"
$s.Connect()
$t = $s.NewTask($null)
$xml = [xml]@'
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Packer elevated task</Description>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId><user></UserId>
      <LogonType>Password</LogonType>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>false</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>4</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd</Command>
      <Arguments>/c <command></Arguments>
    </Exec>
  </Actions>
</Task>
'@
$logon_type = 1
$password = "<password>"
if ($password.Length -eq 0) {
  $logon_type = 5
  $password = $null
  $ns = New-Object System.Xml.XmlNamespaceManager($xml.NameTable)
  $ns.AddNamespace("ns", $xml.DocumentElement.NamespaceURI)
  $node = $xml.SelectSingleNode("/ns:Task/ns:Principals/ns:Principal/ns:LogonType", $ns)
  $node.ParentNode.RemoveChild($node) | Out-Null
}
$t.XmlText = $xml.OuterXml
if (Test-Path variable:global:ProgressPreference){$ProgressPreference="SilentlyContinue"}
$f = $s.GetFolder("\")
$f.RegisterTaskDefinition($name, $t, 6, "<user>", $password, $logon_type, $null) | Out-Null
$t = $f.GetTask("\$name")
$t.Run($null) | Out-Null
$timeout = 10
$sec = 0
while ((!($t.state -eq 4)) -and ($sec -lt $timeout)) {
  Start-Sleep -s 1
  $sec++
}
$line = 0
do {
  Start-Sleep -m 100
  if (Test-Path $log) {
    Get-Content $log | select -skip $line | ForEach {
      $line += 1
      Write-Output "$_"
    }
  }
} while (!($t.state -eq 3))
$result = $t.LastTaskResult
if (Test-Path $log) {
  Remove-Item $log -Force -ErrorAction SilentlyContinue | Out-Null
}
$s = New-Object -ComObject "Schedule.Service"
$s.Connect()
$f = $s.GetFolder("\")
$f.DeleteTask("\$name", "")
[System.Runtime.Interopservices.Marshal]::ReleaseComObject($s) | Out-Null
exit $result
"""
