"""The network that a guest is to see."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """An interface, and what is around it.

    Attributes:
        address: the guest's own.
        prefix_length: of its subnet.
        gateway: its subnet's router.
        mac: of its interface, twelve hexadecimal digits.
        resolvers: whom it asks for names.
    """

    address: str
    prefix_length: int
    gateway: str
    mac: str
    resolvers: tuple[str, ...] = ()
