"""The rules about image templates, in the order in which their findings are told."""

from collections.abc import Callable, Iterator

from emulator.model.image import ImageTemplate
from emulator.rules.template import build, network, spelling, steps
from emulator.rules.template.finding import TemplateFinding

RULES: tuple[Callable[[ImageTemplate], Iterator[TemplateFinding]], ...] = (
    network.old_form_whole,
    network.one_form_only,
    network.form_of_the_version,
    network.name_of_the_object,
    network.subnets_are_subnets,
    network.container_needs_subnet,
    network.container_apart,
    network.no_proxy_with_container,
    build.one_identity,
    build.time_limit,
    spelling.unknown_fields,
    spelling.unknown_kinds,
    spelling.unknown_words,
    spelling.missing_fields,
    steps.one_script,
    steps.lists_of_commands,
    steps.system_is_elevated,
    steps.exit_codes,
    steps.goes_somewhere,
    steps.output_names,
    steps.one_list_of_regions,
)


def findings(template: ImageTemplate) -> tuple[TemplateFinding, ...]:
    """Everything that Image Builder would refuse in a template, that fails later, or that is not advised."""
    return tuple(found for rule in RULES for found in rule(template))
