"""The same change as infrastructure code: Terraform and CloudFormation; pure.

Where a policy exists already, a snippet is the one statement to add to it and nothing that could be
deployed by itself: a second bucket policy resource would replace the whole policy. Terraform gets
`jsonencode`d objects, never `aws_iam_policy_document`, which turns `&{…}` into a policy variable.
CloudFormation replaces `{{resolve:…}}` in any string and knows no way to write it plainly, so there
is no snippet for a key that holds it. Sources:
https://developer.hashicorp.com/terraform/language/expressions/strings
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from threegrants.aws.arn import Arn
from threegrants.cloudtrail import strip_control_characters
from threegrants.diagnosis import GrantName
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.patch import Patch, PatchOperation

_DYNAMIC_REFERENCE = "{{resolve:"
_VERSION = "2012-10-17"
_PERMISSION_SET = re.compile(r"/AWSReservedSSO_(.+)_[0-9a-f]{16}$")


def iac_snippets(patch: Patch) -> dict[str, str]:
    """The change of a patch, by tool: `terraform` and `cloudformation`."""
    terraform, cloudformation = _writer(patch)(patch)
    if _DYNAMIC_REFERENCE in json.dumps(patch.statements):
        cloudformation = f"# The resource holds {_DYNAMIC_REFERENCE} which CloudFormation would replace: use a wider scope\n"
    return {"terraform": terraform, "cloudformation": cloudformation}


def access_point_snippets(
    region: str, account: str, bucket: str, grant_statement: GrantStatement
) -> dict[str, str]:
    """An access point that grants what a statement says, by tool: `terraform`, `cloudformation`.

    Args:
        region: the bucket's Region.
        account: the bucket's account, which owns the access point too.
        bucket: the bucket's name.
        grant_statement: whom the access point's policy lets do what; its resources are the bucket's.
    """
    partition = Arn.parse(grant_statement.resources[0]).partition
    name = f"threegrants-{re.sub('[^a-z0-9-]', '-', bucket.lower())}"[:50].rstrip("-")
    arn = str(Arn(partition, "s3", region, account, f"accesspoint/{name}"))
    through = tuple(
        f"{arn}/object/{resource.partition('/')[2]}" if "/" in resource else arn
        for resource in grant_statement.resources
    )
    statement = {
        "Sid": "Threegrants",
        "Effect": "Allow",
        "Principal": {"AWS": grant_statement.principal},
        "Action": list(grant_statement.actions),
        "Resource": list(through),
    }
    condition = grant_statement.to_statement("").get("Condition")
    if condition:
        statement["Condition"] = condition
    policy = {"Version": _VERSION, "Statement": [statement]}
    arguments = {"bucket": bucket, "name": name}
    terraform = _hcl_resource("aws_s3_access_point", "threegrants", arguments, policy=policy)
    properties = {"Bucket": bucket, "Name": name, "Policy": policy}
    cloudformation = _cloudformation("ThreegrantsAccessPoint", "AWS::S3::AccessPoint", properties)
    if _DYNAMIC_REFERENCE in json.dumps(policy):
        cloudformation = (
            f"# The resource holds {_DYNAMIC_REFERENCE} which CloudFormation would replace\n"
        )
    return {"terraform": terraform, "cloudformation": cloudformation}


def statement_snippets(target: str, where: str, statement: Mapping[str, Any]) -> dict[str, str]:
    """One statement for a policy, by tool: `terraform`, `cloudformation`.

    Args:
        target: the ARN of what has the policy.
        where: which policy: `bucket policy`, `key policy`.
        statement: the statement.
    """
    head = f"# One more member of the Statement list of the {where} of {strip_control_characters(target)}.\n"
    name = str(statement["Sid"]).lower()
    return {
        "terraform": f"{head}locals {{\n  {name} = {_hcl(dict(statement), 1)}\n}}\n",
        "cloudformation": f"{head}- {_yaml(dict(statement), '  ')}\n",
    }


def _statement(patch: Patch) -> tuple[str, str]:
    """One statement for a policy that exists."""
    if patch.grant == GrantName.BUCKET_POLICY:
        resource_types = ("aws_s3_bucket_policy", "AWS::S3::BucketPolicy")
    else:
        resource_types = ("the key's policy", "KeyPolicy of AWS::KMS::Key")
    return _fragment(patch, resource_types)


def _fragment(patch: Patch, resource_types: tuple[str, str]) -> tuple[str, str]:
    """Each statement to add or replace, with the place it belongs to."""
    where = f"policy of {strip_control_characters(patch.target)}"
    terraform = cloudformation = ""
    for stated in patch.statements:
        statement, sid = dict(stated), str(stated["Sid"])
        extended = patch.before is not None and f'"{sid}"' in patch.before
        word = f"Replace statement {sid} in" if extended else "Add this statement to"
        terraform += (
            f"# {word} the {where} ({resource_types[0]}): one more member of its Statement list.\n"
            f"locals {{\n  {sid.lower()} = {_hcl(statement, 1)}\n}}\n"
        )
        cloudformation += (
            f"# {word} the {where} ({resource_types[1]}).\n- {_yaml(statement, '  ')}\n"
        )
    return terraform, cloudformation


def _bucket(patch: Patch) -> tuple[str, str]:
    """The first policy of a bucket."""
    bucket = Arn.parse(patch.target).resource
    document = json.loads(patch.after)
    head = f"# {strip_control_characters(patch.target)} has no bucket policy so far.\n"
    terraform = _hcl_resource(
        "aws_s3_bucket_policy", "threegrants", {"bucket": bucket}, policy=document
    )
    properties = {"Bucket": bucket, "PolicyDocument": document}
    return head + terraform, head + _cloudformation(
        "ThreegrantsBucketPolicy", "AWS::S3::BucketPolicy", properties
    )


def _inline(patch: Patch) -> tuple[str, str]:
    """Our own inline policy of a role or user: a resource of its own."""
    kind, identity_name = _identity(patch)
    name, document = patch.policy_name or "", json.loads(patch.after)
    terraform = _hcl_resource(
        f"aws_iam_{kind}_policy",
        "threegrants",
        {kind: identity_name, "name": name},
        policy=document,
    )
    properties = {
        f"{kind.title()}Name": identity_name,
        "PolicyName": name,
        "PolicyDocument": document,
    }
    title = f"AWS::IAM::{kind.title()}Policy"
    return terraform, _cloudformation("ThreegrantsPolicy", title, properties)


def _managed(patch: Patch) -> tuple[str, str]:
    """A customer managed policy, attached."""
    kind, identity_name = _identity(patch)
    name, document = patch.policy_name or "", json.loads(patch.after)
    terraform = _hcl_resource("aws_iam_policy", "threegrants", {"name": name}, policy=document)
    terraform += (
        f'resource "aws_iam_{kind}_policy_attachment" "threegrants" {{\n'
        f"  {kind} = {_hcl_string(identity_name)}\n"
        "  policy_arn = aws_iam_policy.threegrants.arn\n}\n"
    )
    properties = {
        "ManagedPolicyName": name,
        "PolicyDocument": document,
        f"{kind.title()}s": [identity_name],
    }
    return terraform, _cloudformation("ThreegrantsPolicy", "AWS::IAM::ManagedPolicy", properties)


def _grant(patch: Patch) -> tuple[str, str]:
    """A KMS grant; CloudFormation has no resource for one."""
    wanted: Mapping[str, Any] = json.loads(patch.after)
    arguments = {
        "name": wanted["Name"],
        "key_id": patch.target,
        "grantee_principal": wanted["GranteePrincipal"],
        "operations": wanted["Operations"],
    }
    subset = wanted.get("Constraints", {}).get("EncryptionContextSubset")
    block = f"\n  constraints {{\n    encryption_context_subset = {_hcl(subset, 2)}\n  }}\n"
    terraform = _hcl_resource(
        "aws_kms_grant", "threegrants", arguments, tail=block if subset else ""
    )
    none = "# CloudFormation has no resource for KMS grants: use the key policy's statement.\n"
    return terraform, none


def _permission_set(patch: Patch) -> tuple[str, str]:
    """A statement for the permission set that makes the role: changing the role is undone."""
    found = _PERMISSION_SET.search(patch.target)
    name = strip_control_characters(found.group(1)) if found else "of this role"
    resource_types = (
        f"aws_ssoadmin_permission_set_inline_policy of permission set {name}",
        f"InlinePolicy of AWS::SSO::PermissionSet {name}",
    )
    return _fragment(patch, resource_types)


_WRITERS: Mapping[str, Callable[[Patch], tuple[str, str]]] = {
    PatchOperation.PUT_BUCKET_POLICY: _statement,
    PatchOperation.PUT_KEY_POLICY: _statement,
    PatchOperation.CREATE_GRANT: _grant,
    PatchOperation.PUT_ROLE_POLICY: _inline,
    PatchOperation.PUT_USER_POLICY: _inline,
    PatchOperation.CREATE_POLICY: _managed,
}


def _writer(patch: Patch) -> Callable[[Patch], tuple[str, str]]:
    """What writes the Terraform and the CloudFormation of a patch."""
    if patch.grant == GrantName.IAM_POLICY and ":role/aws-reserved/" in patch.target:
        return _permission_set
    if patch.operation == PatchOperation.PUT_BUCKET_POLICY and patch.before is None:
        return _bucket
    return _WRITERS[patch.operation]


def _identity(patch: Patch) -> tuple[str, str]:
    arn = Arn.parse(patch.target)
    return arn.resource_type, arn.name


def _hcl_resource(
    kind: str, name: str, arguments: Mapping[str, Any], policy: Any = None, tail: str = ""
) -> str:
    """One Terraform resource."""
    lines = [f"  {argument} = {_hcl(value, 1)}" for argument, value in arguments.items()]
    if policy is not None:
        lines.append(f"  policy = jsonencode({_hcl(policy, 1)})")
    body = "\n".join(lines)
    return f'resource "{kind}" "{name}" {{\n{body}\n{tail}}}\n'


def _cloudformation(name: str, kind: str, properties: Mapping[str, Any]) -> str:
    """A CloudFormation template with one resource."""
    resource = {"Type": kind, "Properties": properties}
    return f"Resources:\n  {name}: {_yaml(resource, '    ')}\n"


def _hcl(value: Any, depth: int) -> str:
    """A value as a Terraform expression."""
    pad = "  " * (depth + 1)
    if isinstance(value, Mapping):
        lines = [
            f"{pad}{_hcl_string(str(key))} = {_hcl(inner, depth + 1)}"
            for key, inner in value.items()
        ]
        return "{\n" + "\n".join(lines) + "\n" + "  " * depth + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_hcl(inner, depth) for inner in value) + "]"
    if isinstance(value, str):
        return _hcl_string(value)
    return json.dumps(value)


def _hcl_string(value: str) -> str:
    """A Terraform string: backslash escapes for what is not plain ASCII, `$${` and `%%{`."""
    found = "".join(_ESCAPES.get(char) or _hcl_character(char) for char in value)
    return '"' + found.replace("${", "$${").replace("%{", "%%{") + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _hcl_character(char: str) -> str:
    if " " <= char <= "~":
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004


def _yaml(value: Any, margin: str) -> str:
    """A value as JSON, which YAML reads; DEL is the one character JSON leaves and YAML refuses."""
    lines = json.dumps(value, indent=2).replace("\x7f", "\\u007f").split("\n")
    return f"\n{margin}".join(lines)
