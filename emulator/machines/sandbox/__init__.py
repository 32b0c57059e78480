"""A guest made of kernel namespaces, with a root that is built and never inherited.

Three processes. The *host* side (`host.py`, in the build VM's process) never enters the guest. The *agent*
(`agent.py`) gives up the machine's root, enters the namespaces and waits. The guest's *PID 1* (`init.py`) builds
the root (`root.py`, `etc.py`), gives up what it needed for that, and runs commands. Each is killed when the one
before it dies. Any step that fails means no guest.
"""
