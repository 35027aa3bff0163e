"""Rules on policies: what IAM, SQS and KMS refuse, or take and never allow."""

import json
import re
from collections.abc import Iterator

from support import service_authorization
from support.strict.stack import Stack, listed

_A_SID = re.compile(r"[A-Za-z0-9]*")
_A_ROLE = re.compile(r"arn:[a-z-]+:(iam|sts)::\d+:(role|assumed-role)/")


def queue_policy_covers_one_queue(stack: Stack) -> Iterator[str]:
    """SQS: "Each policy must cover only a single queue"; a statement that lists two is refused.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html
    """
    for name, properties in stack.of("AWS::SQS::QueuePolicy"):
        queues = {stack.named(one) for one in properties["Queues"]}
        named = {
            stack.named(resource)
            for one in listed(properties["PolicyDocument"]["Statement"])
            for resource in listed(one["Resource"])
        }
        if len(queues) != 1 or named != queues:
            yield f"{name} is the policy of {sorted(queues)} and speaks of {sorted(named)}"


def sids_are_plain_and_unique(stack: Stack) -> Iterator[str]:
    """IAM: a Sid is of letters and digits, and once in a document.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    for where, _, document in stack.policies():
        sids = [one["Sid"] for one in listed(document["Statement"]) if "Sid" in one]
        if len(sids) != len(set(sids)) or not all(map(_A_SID.fullmatch, sids)):
            yield f"{where}: {sids}"


def policies_fit(stack: Stack) -> Iterator[str]:
    """IAM: 10,240 characters of inline policies a role, 6,144 a managed policy, 2,048 a trust policy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for name, one in stack.resources.items():
        properties = one["Properties"]
        if one["Type"] == "AWS::IAM::Role":
            trust = _characters(properties["AssumeRolePolicyDocument"])
            inline = sum(_characters(p["PolicyDocument"]) for p in properties.get("Policies", ()))
            inline += sum(
                _characters(more["PolicyDocument"])
                for _, more in stack.of("AWS::IAM::Policy")
                if name in map(stack.named, more["Roles"])
            )
            if trust > 2048 or inline > 10_240:
                yield f"{name}: trust {trust}, inline policies {inline}"
        elif one["Type"] == "AWS::IAM::ManagedPolicy":
            size = _characters(properties["PolicyDocument"])
            if size > 6144:
                yield f"{name}: {size}"


def _characters(document: object) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def no_principal_is_a_role(stack: Stack) -> Iterator[str]:
    """IAM and KMS keep a role that is a principal by its unique id: a new one of its name is refused.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
    """
    for one in stack.statements():
        if isinstance(one.principal, dict):
            for principal in listed(one.principal.get("AWS", [])):
                if _A_ROLE.match(str(principal)):
                    yield f"{one.where}, {one.sid or one.actions}: {principal}"


def actions_exist_and_fit(stack: Stack) -> Iterator[str]:
    """IAM takes an action that does not exist, or is never on such a resource, and allows nothing by it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    for one in stack.statements():
        if one.kind != "identity" or one.actions == ["*"]:
            continue
        where = f"{one.where}, {one.sid}"
        resources = [str(resource) for resource in one.resources]
        for action in one.actions:
            for misfit in service_authorization.misfits(action, resources):
                yield f"{where}: {misfit}"
        for resource in resources:
            if service_authorization.useless(one.actions, resource):
                yield f"{where}: none of its actions is ever on {resource}"


def alarms_may_publish(stack: Stack) -> Iterator[str]:
    """CloudWatch publishes to an encrypted topic only if the key's policy lets it; SNS's own does not.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """
    asked = {
        stack.named(action)
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        for action in alarm.get("AlarmActions", ())
    }
    allowing = {
        one.where
        for one in stack.statements()
        if one.kind == "resource"
        and "cloudwatch.amazonaws.com" in str(one.principal)
        and {"kms:Decrypt", "kms:GenerateDataKey"} <= {*one.actions}
    }
    for name, topic in stack.of("AWS::SNS::Topic"):
        key = topic.get("KmsMasterKeyId")
        if name in asked and key and stack.named(key) not in allowing:
            yield f"{name}: its key {key} lets no alarm publish"
