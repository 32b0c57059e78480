"""To and from Azure's JSON: the one door that knows camelCase and what tools print (azure.md 2.1).

`load` reads documents in every shape people have, `dump` writes a resource in REST shape; fields that no decision
reads are kept. Everything wrong is reported at once, each finding with document, resource, field, found and allowed.
A table a type (`shape`, `network`, `balancer`, …) says how it is written, for both directions.
"""

from emulator.model.arm.documents import load_json
from emulator.model.arm.door import Loaded, dump, load, references

__all__ = ["Loaded", "dump", "load", "load_json", "references"]
