"""A template as it would be deployed: its resources with all functions worked out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from support.deployed_roles import Deployed


def listed(value: Any) -> list[Any]:
    """A list, or one thing as a list."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, and where it stands."""

    where: str
    kind: str
    sid: str
    effect: str
    actions: list[str]
    resources: list[Any]
    principal: Any
    condition: dict[str, Any]


class Stack:
    """The resources of a deployed template that its conditions leave in it."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.raw = {
            name: one for name, one in deployed.template["Resources"].items() if deployed.has(name)
        }

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Each resource, resolved; a function with what `Globals` gives it."""
        shared = self.deployed.template.get("Globals", {}).get("Function", {})
        found = {}
        for name, one in self.raw.items():
            properties = dict(one.get("Properties", {}))
            if one["Type"] == "AWS::Serverless::Function":
                variables = {
                    **shared.get("Environment", {}).get("Variables", {}),
                    **properties.get("Environment", {}).get("Variables", {}),
                }
                properties = {**shared, **properties, "Environment": {"Variables": variables}}
            found[name] = {**one, "Properties": self.deployed.resolved(properties)}
        return found

    def of(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The names and properties of all resources of these types."""
        for name, one in self.resources.items():
            if one["Type"] in types:
                yield name, one["Properties"]

    def named(self, arn: Any) -> str:
        """The logical name of the resource that an ARN or a reference names; empty for none."""
        for name in self.resources:
            if arn in (name, self.deployed.arn(name)):
                return name
        return ""

    def policies(self) -> Iterator[tuple[str, str, Any]]:
        """Every policy: where it stands, its kind (identity, trust, resource), the document."""
        for name, one in self.resources.items():
            kind, properties = one["Type"], one["Properties"]
            if kind == "AWS::IAM::Role":
                yield f"{name}, trust", "trust", properties["AssumeRolePolicyDocument"]
                for policy in properties.get("Policies", ()):
                    yield f"{name}, {policy['PolicyName']}", "identity", policy["PolicyDocument"]
            elif kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                yield name, "identity", properties["PolicyDocument"]
            else:
                for key in ("PolicyDocument", "KeyPolicy", "Policy"):
                    if isinstance(properties.get(key), dict):
                        yield name, "resource", properties[key]

    def statements(self) -> Iterator[Statement]:
        """Every statement of every policy."""
        for where, kind, document in self.policies():
            for one in listed(document["Statement"]):
                yield Statement(
                    where=where,
                    kind=kind,
                    sid=one.get("Sid", ""),
                    effect=one["Effect"],
                    actions=listed(one["Action"]),
                    resources=listed(one.get("Resource", "*")),
                    principal=one.get("Principal"),
                    condition=one.get("Condition", {}),
                )

    def functions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The Lambda functions."""
        return self.of("AWS::Serverless::Function")

    def queue_sources(self) -> Iterator[tuple[str, str, int]]:
        """Function, queue and batch size of each queue that a function reads."""
        for name, function in self.functions():
            for event in function.get("Events", {}).values():
                if event["Type"] == "SQS":
                    properties = event["Properties"]
                    yield name, self.named(properties["Queue"]), properties["BatchSize"]
        for _, mapping in self.of("AWS::Lambda::EventSourceMapping"):
            reader = self.named(mapping["FunctionName"])
            yield reader, self.named(mapping["EventSourceArn"]), mapping["BatchSize"]
