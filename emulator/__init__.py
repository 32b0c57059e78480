"""The Azure Image Builder command channel on one machine.

Five nouns carry the design. A *world* is Azure's resources, frozen. *Rules* are pure functions that decide
what the world does to a flow, each verdict with its reason. *Hops* carry real connections as the rules say.
*Machines* are the build VMs at the end, reached over *channels* (SSH, WinRM). `app` joins them; `control` and
`cli` talk about them.
"""

__version__ = "0.1.0"
