"""A Terraform plan (`terraform show -json`) as a `PolicySet`: what would be in force once it is applied.

The format: https://developer.hashicorp.com/terraform/internals/json-format
A value that is only known once the plan is applied is not in it. Where another resource of the plan
stands for it, the configuration's references lead to that resource.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.access_check.folder import checked_policy
from threegrants.access_check.planned_call import Question, bucket_owner
from threegrants.access_check.policy_set import PolicyFileError, PolicySet
from threegrants.aws.arn import parse_arn
from threegrants.evidence import Encryption, Item, NamedPolicy, Read, Unread

_AFTER_APPLY = "a policy whose ARNs are written out, or the same check after the plan is applied"
_IDENTITY: Mapping[str, tuple[str, str, str]] = {
    "aws_iam_role": ("role", "aws_iam_role_policy", "aws_iam_role_policy_attachment"),
    "aws_iam_user": ("user", "aws_iam_user_policy", "aws_iam_user_policy_attachment"),
}


@dataclass(frozen=True, slots=True)
class _Resource:
    """One resource as the plan would leave it."""

    address: str
    type: str
    values: Mapping[str, Any]
    module: str
    """the address of its module, empty for the root"""

    def text(self, name: str) -> str | None:
        """A value that is a text; None if it is none, or known only after the apply."""
        found = self.values.get(name)
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class _Plan:
    resources: tuple[_Resource, ...]
    references: Mapping[str, Mapping[str, tuple[str, ...]]]
    """by address without index: for each argument the addresses that it refers to"""

    def of_type(self, *types: str) -> Iterator[_Resource]:
        """The resources of some types."""
        return (one for one in self.resources if one.type in types)

    def refers_to(self, resource: _Resource, argument: str, target: _Resource) -> bool:
        """Whether an argument stands for another resource of the plan."""
        stated = self.references.get(_without_index(resource.address), {}).get(argument, ())
        wanted = _without_index(target.address)
        inside = f"{resource.module}." if resource.module else ""
        return any(wanted in (name, f"{inside}{name}") for name in stated)

    def names(
        self,
        resource: _Resource,
        argument: str,
        wanted: Iterable[str | None],
        target: _Resource | None,
    ) -> bool:
        """Whether an argument is one of some values, or stands for a resource of the plan."""
        value = resource.text(argument)
        if value is not None:
            return value in {one for one in wanted if one}
        return target is not None and self.refers_to(resource, argument, target)


def policies_of_plan(plan: Any, question: Question, place: str) -> PolicySet:
    """What a plan says of a question.

    Args:
        plan: the JSON that `terraform show -json` prints of a plan.
        question: what is asked.
        place: the plan's file name, for messages.

    Raises:
        QuestionError: if nothing says who owns the bucket.
        PolicyFileError: if it is no plan, or a policy in it is malformed.
    """
    read = _read(plan, place)
    owner = bucket_owner(question)
    bucket = _one(read, ("aws_s3_bucket",), "bucket", question.bucket)
    encryption, key = _encryption(read, question, bucket)
    arn = question.kms_key or (encryption.value.key if isinstance(encryption, Read) else None)
    places: dict[str, str] = {}
    supposed = []
    if owner and not question.bucket_account:
        supposed.append(f"account {owner} owns the bucket (--bucket-account names another)")
    supposed.append("no policy of an organisation is in the way: a plan does not show them")
    return PolicySet(
        bucket_policy=_bucket_policy(read, question, bucket, places),
        key_policy=_key_policy(read, arn, key, places),
        identity=_identity(read, question, places),
        boundary=_boundary(read, question),
        encryption=encryption,
        restrict_public=_restrict_public(read, question, bucket),
        object_ownership=_ownership(read, question, bucket),
        bucket_account=owner,
        places={grant: f"{place}: {address}" for grant, address in places.items()},
        supposed=tuple(supposed),
    )


def _read(plan: Any, place: str) -> _Plan:
    values = plan.get("planned_values") if isinstance(plan, Mapping) else None
    if not isinstance(values, Mapping) or not isinstance(values.get("root_module"), Mapping):
        raise PolicyFileError(
            f"{place}: no Terraform plan; expected what `terraform show -json PLANFILE` prints, "
            "with planned_values"
        )
    configuration = plan.get("configuration") or {}
    return _Plan(
        tuple(_resources(values["root_module"], "")),
        dict(_references(configuration.get("root_module") or {}, "")),
    )


def _resources(module: Mapping[str, Any], address: str) -> Iterator[_Resource]:
    for one in module.get("resources") or ():
        if one.get("mode", "managed") == "managed":
            yield _Resource(one["address"], one["type"], one.get("values") or {}, address)
    for child in module.get("child_modules") or ():
        yield from _resources(child, child.get("address") or "")


def _references(
    module: Mapping[str, Any], inside: str
) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    for one in module.get("resources") or ():
        expressions = one.get("expressions") or {}
        yield (
            inside + one["address"],
            {
                name: tuple(stated.get("references") or ())
                for name, stated in expressions.items()
                if isinstance(stated, Mapping)
            },
        )
    for name, call in (module.get("module_calls") or {}).items():
        yield from _references(call.get("module") or {}, f"{inside}module.{name}.")


def _without_index(address: str) -> str:
    """An address without `[0]` and `["name"]`: the configuration knows a resource only once."""
    kept, depth, quoted = [], 0, False
    for char in address:
        if char == '"' and depth:
            quoted = not quoted
        if char == "[" and not quoted:
            depth += 1
        if not depth:
            kept.append(char)
        if char == "]" and not quoted:
            depth -= 1
    return "".join(kept)


def _one(plan: _Plan, types: tuple[str, ...], argument: str, value: str | None) -> _Resource | None:
    found = (one for one in plan.of_type(*types) if value and one.text(argument) == value)
    return next(found, None)


def _about_bucket(
    plan: _Plan, kind: str, question: Question, bucket: _Resource | None
) -> _Resource | None:
    """The resource of a kind that is about the bucket."""
    found = plan.of_type(kind)
    return next(
        (one for one in found if plan.names(one, "bucket", (question.bucket,), bucket)), None
    )


def _policy_text(
    resource: _Resource, argument: str, grant: str, places: dict[str, str]
) -> Item[str | None]:
    places[grant] = resource.address
    text = resource.text(argument)
    if text is None:
        return Unread(
            f"the policy of {resource.address} is known only after the apply", _AFTER_APPLY
        )
    return Read(checked_policy(text, resource.address))


def _bucket_policy(
    plan: _Plan, question: Question, bucket: _Resource | None, places: dict[str, str]
) -> Item[str | None]:
    own = _about_bucket(plan, "aws_s3_bucket_policy", question, bucket)
    if own is not None:
        return _policy_text(own, "policy", "bucket_policy", places)
    if bucket is not None:
        places["bucket_policy"] = bucket.address
        inline = bucket.text("policy")
        return Read(checked_policy(inline, bucket.address) if inline else None)
    return Unread(
        f"the plan has no policy of bucket {question.bucket}",
        f"aws_s3_bucket_policy of {question.bucket} in the plan, or a live check",
    )


def _encryption(
    plan: _Plan, question: Question, bucket: _Resource | None
) -> tuple[Item[Encryption], _Resource | None]:
    """The bucket's default encryption, and the key's resource if the plan has it."""
    kind = "aws_s3_bucket_server_side_encryption_configuration"
    stated = _about_bucket(plan, kind, question, bucket)
    if question.kms_key:
        return Read(Encryption("aws:kms", question.kms_key)), _key_resource(plan, question.kms_key)
    if stated is None:
        if bucket is not None:
            return Read(Encryption("AES256")), None
        return Unread("the plan does not have the bucket", "--key ARN, or a live check"), None
    for rule in stated.values.get("rule") or ():
        for default in rule.get("apply_server_side_encryption_by_default") or ():
            algorithm = default.get("sse_algorithm") or "AES256"
            arn = default.get("kms_master_key_id")
            if algorithm == "AES256":
                return Read(Encryption(algorithm)), None
            if arn:
                return Read(Encryption(algorithm, arn)), _key_resource(plan, arn)
            keys = list(plan.of_type("aws_kms_key"))
            referred = [key for key in keys if plan.refers_to(stated, "rule", key)]
            found = referred[0] if len(referred) == 1 else None
            arn = found.text("arn") if found else None
            if arn:
                return Read(Encryption(algorithm, arn)), found
            why = f"the key of {stated.address} is known only after the apply"
            return Unread(why, "--key ARN"), found
    return Read(Encryption("AES256")), None


def _key_resource(plan: _Plan, arn: str) -> _Resource | None:
    named = parse_arn(arn)
    for key in plan.of_type("aws_kms_key", "aws_kms_replica_key"):
        if key.text("arn") == arn or (named and key.text("key_id") == named.resource_id):
            return key
    return None


def _key_policy(
    plan: _Plan, arn: str | None, key: _Resource | None, places: dict[str, str]
) -> Item[str | None]:
    named = parse_arn(arn)
    wanted = (arn, named.resource_id if named else None)
    for own in plan.of_type("aws_kms_key_policy"):
        if plan.names(own, "key_id", wanted, key):
            return _policy_text(own, "policy", "key_policy", places)
    if key is not None and key.text("policy"):
        return _policy_text(key, "policy", "key_policy", places)
    return Unread(
        f"the plan has no policy of the key {arn or ''}".rstrip(),
        "aws_kms_key with its policy in the plan, or a live check",
    )


def _principal(plan: _Plan, question: Question) -> tuple[str, str, _Resource | None]:
    """The resource type and the name of the principal, and its resource."""
    named = parse_arn(question.principal)
    kind = named.resource_type if named else ""
    path = named.resource_id if named else ""
    if kind == "assumed-role":
        kind, path = "role", path.partition("/")[0]
    name = path.rpartition("/")[2]
    resource = f"aws_iam_{kind}"
    return resource, name, _one(plan, (resource,), "name", name)


def _identity(
    plan: _Plan, question: Question, places: dict[str, str]
) -> Item[tuple[NamedPolicy, ...]]:
    kind, name, principal = _principal(plan, question)
    if kind not in _IDENTITY:
        return Read(())
    found = list(_attached(plan, *_IDENTITY[kind], name, principal))
    documents: list[NamedPolicy] = []
    for title, address, document in found:
        if isinstance(document, Unread):
            return document
        places.setdefault("iam_policy", address)
        documents.append(NamedPolicy(title, checked_policy(document, address)))
    if principal is None and not documents:
        return Unread(
            f"the plan has neither {kind} {name} nor a policy of it",
            f"{kind} {name} with its policies in the plan, or a live check",
        )
    return Read(tuple(documents))


def _attached(
    plan: _Plan,
    argument: str,
    inline: str,
    attachment: str,
    name: str,
    principal: _Resource | None,
) -> Iterator[tuple[str, str, str | Unread]]:
    """Name, address and document of each identity-based policy of a role or user."""
    for own in plan.of_type(inline):
        if plan.names(own, argument, (name,), principal):
            yield own.text("name") or own.address, own.address, _known(own.text("policy"), own)
    for policy in (principal.values.get("inline_policy") or ()) if principal else ():
        if principal is not None and (policy.get("policy") or policy.get("name")):
            title = policy.get("name") or "inline"
            yield title, principal.address, _known(policy.get("policy"), principal)
    for attached in plan.of_type(attachment):
        if plan.names(attached, argument, (name,), principal):
            found = _managed(plan, attached)
            if isinstance(found, Unread):
                yield attached.address, attached.address, found
            else:
                title = found.text("name") or found.address
                yield title, found.address, _known(found.text("policy"), found)


def _known(document: str | None, resource: _Resource) -> str | Unread:
    if document is None:
        return Unread(
            f"the policy of {resource.address} is known only after the apply", _AFTER_APPLY
        )
    return document


def _managed(plan: _Plan, attached: _Resource) -> _Resource | Unread:
    """The managed policy that an attachment is about."""
    arn = attached.text("policy_arn")
    for policy in plan.of_type("aws_iam_policy"):
        if plan.names(attached, "policy_arn", (policy.text("arn"),), policy):
            return policy
    return Unread(
        f"the policy {arn or 'of ' + attached.address} is not in the plan",
        "aws_iam_policy of it in the plan, or a live check",
    )


def _boundary(plan: _Plan, question: Question) -> Item[NamedPolicy | None]:
    _, _, principal = _principal(plan, question)
    arn = principal.text("permissions_boundary") if principal else None
    if arn is None or principal is None:
        return Read(None)
    for policy in plan.of_type("aws_iam_policy"):
        document = policy.text("policy")
        if policy.text("arn") == arn and document:
            return Read(NamedPolicy(arn, checked_policy(document, policy.address)))
    return Unread(f"the boundary {arn} is not in the plan", "aws_iam_policy of it in the plan")


def _restrict_public(plan: _Plan, question: Question, bucket: _Resource | None) -> Item[bool]:
    own = _about_bucket(plan, "aws_s3_bucket_public_access_block", question, bucket)
    return Read(own.values.get("restrict_public_buckets") is True if own else True)


def _ownership(plan: _Plan, question: Question, bucket: _Resource | None) -> Item[str]:
    own = _about_bucket(plan, "aws_s3_bucket_ownership_controls", question, bucket)
    for rule in (own.values.get("rule") or ()) if own else ():
        if isinstance(rule.get("object_ownership"), str):
            return Read(rule["object_ownership"])
    return Read("BucketOwnerEnforced")
