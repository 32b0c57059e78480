"""Move a file there and back by one of Ansible's connection plugins: `PLUGIN PORT USER PASSWORD SOURCE TARGET`.

A process of its own, as Ansible needs one.
"""

import sys

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, init_plugin_loader


def main() -> None:
    """Put the file, fetch it, and run a command."""
    plugin, port, user, password, source, target = sys.argv[1:]
    init_plugin_loader()
    connection = connection_loader.get(plugin, PlayContext())
    options = {"remote_addr": "127.0.0.1", "remote_user": user, "remote_password": password, "port": int(port)}
    if plugin == "psrp":
        options |= {"auth": "ntlm", "cert_validation": "ignore", "protocol": "https"}
    connection.set_options(direct=options)
    if plugin == "winrm":
        connection.set_options(
            var_options={
                "ansible_host": "127.0.0.1",
                "ansible_port": int(port),
                "ansible_user": user,
                "ansible_password": password,
                "ansible_winrm_transport": "ntlm",
                "ansible_winrm_scheme": "https",
                "ansible_winrm_server_cert_validation": "ignore",
                "_extras": {"ansible_winrm_server_cert_validation": "ignore"},
            }
        )
    connection.put_file(source, "C:\\Windows\\Temp\\put by ansible.bin")
    connection.fetch_file("C:\\Windows\\Temp\\put by ansible.bin", target)
    code, stdout, _ = connection.exec_command("echo hi; exit 3")
    print(code, stdout.decode().strip())
    connection.close()


if __name__ == "__main__":
    main()
