"""Ways to reach a build VM: SSH and WinRM, with one outcome."""
