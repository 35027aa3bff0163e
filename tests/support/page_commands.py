"""The shell commands of a documentation page, taken apart, and held against what takes them.

The `aws` commands are held against botocore's models, from which the command line is made; the two that are
the command line's own (`cloudformation deploy`) and `sam`'s against their options, as listed here.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.session
from botocore import xform_name

from support.templates import template

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"\$\(output (\w+)\)")
_NESTED = re.compile(r"\$\(([^()]*)\)")
_ASSIGNED = re.compile(r"(?:export )?[A-Z_]+=(.*)")
_GLOBAL = {"profile", "region", "query", "output"}
_OF_THE_COMMAND_LINE = {
    ("cloudformation", "deploy"): {
        "template-file", "stack-name", "capabilities", "parameter-overrides", "s3-bucket",
    },
}  # fmt: skip
_MODELS = {"s3api": "s3"}
"""Where the command line's name of a service is not the model's."""
_SAM = {
    "deploy": {"profile", "region", "parameter-overrides", "template-file", "stack-name", "resolve-s3",
               "capabilities"},
    "delete": {"profile", "region", "stack-name"},
    "package": {"template-file", "s3-bucket", "output-template-file", "region", "profile"},
    "publish": {"template", "region", "profile"},
}  # fmt: skip
"""The options that a page may use, of SAM's command line 1.170.0."""


@dataclass(frozen=True)
class Command:
    """One command: its words, and the outputs of the service's stack that it wants."""

    words: tuple[str, ...]
    outputs: tuple[str, ...]

    def option(self, name: str) -> list[str]:
        """The values of an option."""
        if f"--{name}" not in self.words:
            return []
        rest = self.words[self.words.index(f"--{name}") + 1 :]
        end = next((at for at, word in enumerate(rest) if word.startswith("--")), len(rest))
        return list(rest[:end])


def commands(page: str) -> Iterator[Command]:
    """The commands of a page, those within others first."""
    for block in _BLOCK.findall(page):
        for line in block.splitlines():
            for part in re.split(r"; | && ", line.strip()):
                yield from _taken_apart(part)


def _taken_apart(text: str) -> Iterator[Command]:
    outputs = tuple(_OUTPUT.findall(text))
    text = _OUTPUT.sub("VALUE", text)
    nested = _NESTED.findall(text)
    for one in nested:
        yield from _taken_apart(one)
    text = _NESTED.sub("VALUE", text)
    assigned = _ASSIGNED.fullmatch(text)
    if assigned or text in ("do", "done", "}", ""):
        return
    if text.startswith("for "):
        return
    text = text.removeprefix("output() { ")
    yield Command(tuple(shlex.split(text)), outputs)


def wrong(command: Command) -> Iterator[str]:
    """What is wrong with a command."""
    program, *words = command.words
    if program == "aws":
        yield from _wrong_aws(words)
    elif program.endswith("/sam"):
        unknown = _options(words) - _SAM.get(words[0], set())
        yield from (f"sam {words[0]} has no --{one}" for one in sorted(unknown))
    elif program not in ("make", "git", "threegrants", "openssl"):
        yield f"{program} is not a program that we say is needed"
    file, given = command.option("template-file"), command.option("parameter-overrides")
    if given and "deploy" in words:
        made = template(file[0] if file else "template.yaml")
        yield from _wrong_parameters(made, [one.partition("=")[0] for one in given], bool(file))
        named = [one for one in made["Resources"].values() if "RoleName" in str(one)]
        capabilities = command.option("capabilities")
        if file and _makes_roles(made) and not capabilities:
            yield "it makes roles, so it wants --capabilities"
        if file and named and capabilities != ["CAPABILITY_NAMED_IAM"]:
            yield "its roles have names, so it wants CAPABILITY_NAMED_IAM"


def _makes_roles(made: dict[str, dict[str, dict[str, str]]]) -> bool:
    return any(one["Type"].startswith("AWS::IAM::") for one in made["Resources"].values())


def _wrong_parameters(
    made: dict[str, dict[str, dict[str, str]]], given: list[str], whole: bool
) -> Iterator[str]:
    yield from (f"there is no parameter {one}" for one in given if one not in made["Parameters"])
    if whole:
        wanted = {name for name, one in made["Parameters"].items() if "Default" not in one}
        yield from (f"parameter {one} is wanted" for one in sorted(wanted - set(given)))


def _options(words: list[str]) -> set[str]:
    return {word[2:] for word in words if word.startswith("--")}


def _wrong_aws(words: list[str]) -> Iterator[str]:
    service, operation, *rest = words
    options = _options(rest) - _GLOBAL
    own = _OF_THE_COMMAND_LINE.get((service, operation))
    if own is not None:
        yield from (f"aws {service} {operation} has no --{one}" for one in sorted(options - own))
        return
    model = botocore.session.get_session().get_service_model(_MODELS.get(service, service))
    found = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in found:
        yield f"aws {service} has no {operation}"
        return
    shape = model.operation_model(found[operation]).input_shape
    members = shape.members if shape else {}
    known = {xform_name(name, "-") for name in members}
    yield from (f"aws {service} {operation} has no --{one}" for one in sorted(options - known))
    required = {xform_name(name, "-") for name in (shape.required_members if shape else ())}
    yield from (f"aws {service} {operation} wants --{one}" for one in sorted(required - options))
