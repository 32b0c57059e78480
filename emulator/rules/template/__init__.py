"""What Azure Image Builder asks of an image template: `findings` says what it would refuse, or what fails later.

`finding` is the value and reads a template's own words; `fields` holds the tables of known fields; `spelling`,
`network`, `build` and `steps` are the rules, and `registry` lists them in order.
"""

from emulator.rules.template.finding import TemplateFinding
from emulator.rules.template.registry import findings

__all__ = ["TemplateFinding", "findings"]
