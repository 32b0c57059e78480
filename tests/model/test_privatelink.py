"""Private link's two ends."""

from tests.worlds import world


def test_endpoint_and_service_belong_together() -> None:
    """The default endpoint is approved and leads to the service, which leads to the balancer."""
    found = world()
    assert found.endpoint
    assert found.service
    assert found.balancer

    assert found.endpoint.state == "Approved"
    assert found.endpoint.service == found.service.id
    assert found.service.load_balancer == found.balancer.id
