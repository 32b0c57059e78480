"""Changes of a world as a scenario's file writes them, and what all of its mappings share."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Values that know their keys, and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class OneKey(Strict):
    """A mapping of which exactly one key is given: the verb."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="before")
    @classmethod
    def _one(cls, given: Any) -> Any:
        if not isinstance(given, dict) or len(given) != 1:
            raise ValueError(f"expected exactly one of the keys {', '.join(keys_of(cls))}")
        return given

    @property
    def verb(self) -> str:
        """Its one key."""
        return next(iter(self.model_fields_set))

    @property
    def value(self) -> Any:
        """What stands there."""
        return getattr(self, self.verb)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model, as people write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


class RulePatch(Strict):
    """A security rule, which takes the place of the one of its name."""

    name: str
    priority: int = Field(ge=100, le=4096)
    access: Literal["Allow", "Deny"]
    direction: Literal["Inbound", "Outbound"] = "Inbound"
    source: str = Field(default="*", alias="from")
    to: str = "*"
    ports: str = "*"
    protocol: Literal["*", "Tcp", "Udp"] = "*"
    group: str = "build-nsg"


class RoutePatch(Strict):
    """A route at a subnet, in a table of its own."""

    prefix: str
    next_hop: Literal["VirtualAppliance", "VirtualNetworkGateway", "VnetLocal", "Internet", "None"]
    address: str | None = None
    network: str = "aib-vnet"
    subnet: str = "build"


class PlacePatch(Strict):
    """A place in a resource: `subnets[build].natGateway`, `loadBalancingRules[*].enableTcpReset`."""

    resource: str
    path: str = Field(pattern=r"^[\w]+(\[[^\]]+\])?(\.[\w]+(\[[^\]]+\])?)*$")


class SetPatch(PlacePatch):
    """Another value at a place."""

    value: Any


class Patch(OneKey):
    """One change of the world; `resource` is a whole resource in any of Azure's shapes."""

    rule: RulePatch | None = None
    remove_rule: str | None = None
    route: RoutePatch | None = None
    set: SetPatch | None = None
    remove: PlacePatch | None = None
    resource: dict[str, Any] | None = None
