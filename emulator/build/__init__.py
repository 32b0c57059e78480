"""What Image Builder does with a template, over the emulated channel: from the document to the teardown.

`plan` turns a template into frozen `steps`, and `refusals` says all at once why it cannot. `sources` fetches what
steps name, `communicator` reaches the build VM as Packer does, `provision` performs a step over it, and `run` joins
them. `log` writes what the service writes, `report` says how it ended.
"""
