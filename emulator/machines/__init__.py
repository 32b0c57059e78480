"""Virtual machines one can log in to: a Linux build VM over SSH, a Windows build VM over WinRM."""
