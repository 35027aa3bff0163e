"""The roles of both templates as they stand after a deployment, and what each may do.

The templates' own functions are worked out here, so that the policies are those of the templates; the
answers are those of our own evaluator.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.names import REGION, A, B
from support.templates import template
from threegrants.aws.arn import Arn
from threegrants.iam import Effect, Policies, Policy, Request, authorize

SERVICE_ACCOUNT = A
STACK = "threegrants"
NO_VALUE = object()


class Deployed:
    """One template (by name, or parsed) with its parameters; `resolved` gives a value as deployed."""

    def __init__(self, name: Any, account: str, **parameters: str) -> None:
        self.template = template(name) if isinstance(name, str) else name
        self.account = account
        defaults = {
            key: str(one.get("Default", ""))
            for key, one in self.template.get("Parameters", {}).items()
        }
        unknown = set(parameters) - set(defaults)
        assert not unknown, f"{name} has no parameter {unknown}"
        lists = {
            key
            for key, one in self.template.get("Parameters", {}).items()
            if one["Type"] == "CommaDelimitedList"
        }
        self.values: dict[str, Any] = (
            defaults
            | parameters
            | {
                "AWS::Partition": "aws",
                "AWS::Region": REGION,
                "AWS::AccountId": account,
                "AWS::StackName": STACK,
                "AWS::URLSuffix": "amazonaws.com",
                "AWS::NoValue": NO_VALUE,
            }
        )
        self.values |= {key: self.values[key].split(",") for key in lists}

    def has(self, logical: str) -> bool:
        """Whether a resource is made with these parameters."""
        condition = self.template["Resources"][logical].get("Condition")
        return condition is None or self._holds({"Condition": condition})

    def resolved(self, value: Any) -> Any:
        """A value of the template with all of its functions worked out."""
        if isinstance(value, list):
            found = [self.resolved(one) for one in value]
            return [one for one in found if one is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(self, argument)
        pairs = ((key, self.resolved(one)) for key, one in value.items())
        return {key: one for key, one in pairs if one is not NO_VALUE}

    def _holds(self, condition: Any) -> bool:
        [(name, argument)] = condition.items()
        if name == "Condition":
            return self._holds(self.template["Conditions"][argument])
        if name == "Fn::Equals":
            one, other = self.resolved(argument)
            return bool(one == other)
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name == "Fn::And":
            return all(self._holds(one) for one in argument)
        assert name == "Fn::Or", name
        return any(self._holds(one) for one in argument)

    def _sub(self, argument: Any) -> str:
        text, more = argument if isinstance(argument, list) else (argument, {})
        names = {**self.values, **self.resolved(more)}
        while "${" in text:
            before, _, rest = text.partition("${")
            name, _, after = rest.partition("}")
            inside = names[name] if name in names else self._attribute(name)
            text = f"{before}{inside}{after}"
        return str(text)

    def _attribute(self, name: str) -> str:
        """The ARN (or name) of a resource; enough to tell resources apart."""
        logical, _, attribute = name.partition(".")
        resource = self.template["Resources"][logical]
        kind = resource["Type"]
        service, form = _ARN_FORMS.get(kind, (kind.split("::")[1].lower(), "{}"))
        if resource["Type"] == "AWS::IAM::Role":
            role = self.resolved(resource["Properties"].get("RoleName", logical))
            return f"arn:aws:iam::{self.account}:role/{role}"
        if kind in ("AWS::IAM::ManagedPolicy", "AWS::S3::Bucket"):
            own = ":" if kind == "AWS::S3::Bucket" else f":{self.account}:"
            return f"arn:aws:{service}:{own}{form.format(logical)}" if attribute else logical
        region = self.values["AWS::Region"]
        return (
            f"arn:aws:{service}:{region}:{self.account}:{form.format(logical)}"
            if attribute
            else logical
        )

    def arn(self, logical: str) -> str:
        """The ARN of a resource of this template."""
        return self._attribute(f"{logical}.Arn")


_ARN_FORMS: Mapping[str, tuple[str, str]] = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"),
    "AWS::Events::EventBus": ("events", "event-bus/{}"),
    "AWS::Events::Rule": ("events", "rule/{}"),
    "AWS::IAM::ManagedPolicy": ("iam", "policy/{}"),
    "AWS::KMS::Key": ("kms", "key/{}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{}:*"),
    "AWS::S3::Bucket": ("s3", "{}"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "secret:{}"),
    "AWS::Serverless::Function": ("lambda", "function:{}"),
}
"""How the ARN of a resource ends, where it is more than a name."""

_FUNCTIONS: Mapping[str, Any] = {
    "Ref": lambda at, name: at.values[name] if name in at.values else at.arn(name),
    "Fn::Sub": lambda at, argument: at._sub(argument),
    "Fn::GetAtt": lambda at, argument: at._attribute(
        argument if isinstance(argument, str) else ".".join(argument)
    ),
    "Fn::If": lambda at, argument: at.resolved(
        argument[1 if at._holds({"Condition": argument[0]}) else 2]
    ),
    "Fn::Select": lambda at, argument: at.resolved(argument[1])[int(argument[0])],
    "Fn::Split": lambda at, argument: at.resolved(argument[1]).split(argument[0]),
    "Fn::Join": lambda at, argument: argument[0].join(map(str, at.resolved(argument[1]))),
}


@dataclass(frozen=True)
class DeployedRole:
    """A role with its policies and its trust policy."""

    arn: str
    policies: tuple[Policy, ...]
    trust: Policy
    documents: tuple[str, ...] = field(repr=False, default=())

    @property
    def size(self) -> int:
        """Characters of its inline policies; IAM takes 10,240 a role, spaces not counted."""
        return sum(len(document) for document in self.documents)


def deployed_role(stack: Deployed, logical: str) -> DeployedRole:
    """A role of a template, with all policies that the template gives it."""
    resources = stack.template["Resources"]
    properties = resources[logical]["Properties"]
    given = [one["PolicyDocument"] for one in properties["Policies"]]
    given += [
        one["Properties"]["PolicyDocument"]
        for name, one in resources.items()
        if one["Type"] == "AWS::IAM::Policy"
        and {"Ref": logical} in one["Properties"]["Roles"]
        and stack.has(name)
    ]
    documents = tuple(json.dumps(stack.resolved(one), separators=(",", ":")) for one in given)
    return DeployedRole(
        arn=stack.arn(logical),
        policies=tuple(Policy.parse(text, f"{logical} {at}") for at, text in enumerate(documents)),
        trust=_trust(stack.resolved(properties["AssumeRolePolicyDocument"])),
        documents=documents,
    )


def _trust(document: Any) -> Policy:
    """A trust policy; it names no resource, for it stands at the one that it is about."""
    statements = [{**one, "Resource": "*"} for one in document["Statement"]]
    return Policy.parse(json.dumps({**document, "Statement": statements}), "trust")


def allowed(
    role: DeployedRole,
    action: str,
    resource: str,
    context: Mapping[str, Any] | None = None,
    *,
    session: str | None = None,
    account: str | None = None,
) -> bool:
    """Whether a session of a role may do something by its own policies.

    Args:
        role: the role.
        action: `service:Operation`.
        resource: the ARN the action is on; `*` for an action that takes no resource.
        context: condition keys and their values.
        session: the session policy, as it is sent; None for none.
        account: the account that owns the resource; by default the one its ARN names, else the role's.
    """
    own = Arn.parse(role.arn).account
    named = Arn.parse(resource).account if resource != "*" else ""
    owner = account or named or own
    keys = {"aws:ResourceAccount": owner, "aws:PrincipalArn": role.arn, **(context or {})}
    request = Request(
        str(Arn.parse(role.arn).session("s")), action, resource, owner, keys, resource == "*"
    )
    found = authorize(
        request,
        Policies(
            identity=role.policies,
            session=Policy.parse(session, "session") if session is not None else None,
            # What the resource's own policy says is not asked here: it leaves the answer to this role's.
            resource=_leaves_it_to(own if owner == own else "*", action, owner == own),
        ),
    )
    return found.effect is Effect.ALLOW


def trusted(role: DeployedRole, caller: str, action: str, context: Mapping[str, Any]) -> bool:
    """Whether a role's trust policy lets a caller in; its own policies are asked by `allowed`."""
    keys = {"aws:PrincipalArn": caller, **context}
    request = Request(caller, action, role.arn, Arn.parse(role.arn).account, keys)
    everything = Policies(identity=(_everything_identity(),), resource=role.trust)
    return authorize(request, everything).effect is Effect.ALLOW


def _leaves_it_to(account: str, action: str, same_account: bool) -> Policy | None:
    """The resource's policy: none within one account, but of a key; another account's lets all in."""
    if same_account and not action.startswith("kms:"):
        return None
    text = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "*", "Resource": "*"}
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": text}), "resource")


def _everything_identity() -> Policy:
    text = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": text}), "identity")


def service(**parameters: str) -> Deployed:
    """The service's stack, with accounts A and B trusted."""
    return Deployed(
        "template.yaml", SERVICE_ACCOUNT, **{"TrustedAccounts": f"{A},{B}", **parameters}
    )


def member(account: str = B, **parameters: str) -> Deployed:
    """A member account's stack."""
    roles = service()
    given = {
        "DiagnoseRoleArn": roles.arn("DiagnoseRole"),
        "ApproveRoleArn": roles.arn("ApproveRole"),
        "SweepRoleArn": roles.arn("SweepRole"),
        "WorkerRoleArn": roles.arn("WorkerRole"),
        "ExternalId": "a-long-secret",
    }
    return Deployed("templates/member.yaml", account, **{**given, **parameters})
