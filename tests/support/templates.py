"""What the templates give each role."""

from pathlib import Path
from typing import Any

import cfnlint.decode.cfn_yaml

ROOT = Path(__file__).parents[2]


def template(name: str) -> Any:
    """A template of this repository, by its file's name."""
    return cfnlint.decode.cfn_yaml.load(str(ROOT / name))


SERVICE = template("template.yaml")["Resources"]
MEMBER = template("templates/member.yaml")["Resources"]
ROLES = {
    name: resource
    for name, resource in {**SERVICE, **MEMBER}.items()
    if resource["Type"] == "AWS::IAM::Role"
}


def statements(name: str) -> list[dict[str, Any]]:
    """The statements of a role, those that a parameter adds included."""
    optional = [
        resource["Properties"]
        for resource in {**SERVICE, **MEMBER}.values()
        if resource["Type"] == "AWS::IAM::Policy"
        and {"Ref": name} in resource["Properties"]["Roles"]
    ]
    return [
        statement["Fn::If"][1] if "Fn::If" in statement else statement
        for policy in [*ROLES[name]["Properties"].get("Policies", ()), *optional]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def actions(name: str, effect: str = "Allow") -> set[str]:
    """The actions that a role is allowed, or denied."""
    found: set[str] = set()
    for statement in statements(name):
        if statement["Effect"] == effect:
            listed = statement["Action"]
            found |= set(listed if isinstance(listed, list) else [listed])
    return found
