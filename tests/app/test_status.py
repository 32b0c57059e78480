"""Status prints the promised fields."""

import json

from emulator.app.status import Endpoint, Exact, Hop, PathState, Status

LINUX = Endpoint("127.0.0.1", 60001, "packer", "secret", "/key", Exact("127.60.0.2", 60001))
WINDOWS = Endpoint(
    "127.0.0.1", 60000, "packer", "secret", "/key", Exact("127.60.0.2", 60000), "https://127.0.0.1/wsman"
)


def test_fields() -> None:
    """`status --json` has the fields of design section 5, and a URL only where there is one."""
    hop = Hop("proxy", "10.60.0.7", "127.60.0.3", "up", "")
    status = Status(
        ready=True,
        runtime="embedded",
        topology="existing-vnet",
        control="http://127.0.0.1:8060",
        endpoints={"linux": LINUX, "windows": WINDOWS},
        hops=(hop,),
        paths={"linux": PathState("carried", "")},
        approximated=(),
    )

    found = json.loads(json.dumps(status.as_json()))

    assert {"ready", "runtime", "topology", "control", "endpoints", "hops"} <= set(found)
    promised = {"host", "port", "username", "password", "private_key", "exact"}
    assert set(found["endpoints"]["linux"]) == promised
    assert set(found["endpoints"]["windows"]) == promised | {"url"}
    assert found["endpoints"]["linux"]["exact"] == {"host": "127.60.0.2", "port": 60001}
    assert set(found["hops"][0]) == {"name", "address", "local", "state", "detail"}
