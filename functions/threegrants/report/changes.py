"""What a report offers: patches that the service applies after an approval, and hand-offs."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from threegrants.aws.policy_json import texts
from threegrants.patches import Patch
from threegrants.patches.patch import fields_without_texts
from threegrants.report.json_object import JsonObject, ReportError


@dataclass(frozen=True, slots=True)
class SnippetsReport:
    """One change as infrastructure code, for each tool."""

    terraform: str
    cloudformation: str

    def to_json(self) -> dict[str, Any]:
        """The snippets as they stand in the report's JSON."""
        return {"terraform": self.terraform, "cloudformation": self.cloudformation}

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            terraform=fields.text("terraform"),
            cloudformation=fields.text("cloudformation"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchReport:
    """One offered patch: one write to one policy.

    `threegrants.patches.Patch` is the patch that is applied; `to_patch` gives it.

    Args:
        grant: the grant it makes: `bucket_policy`, `key_policy` or `iam_policy`.
        account: the account that is written to, 12 digits.
        region: the Region that is written to; empty in reports of the first version.
        target: the ARN of the bucket, the key, or the role or user.
        operation: the AWS operation that writes, as an IAM action.
        policy_name: the inline or customer managed policy; None for other grants.
        scope: `object`, `prefix` or `bucket`; empty where scope does not apply.
        default: whether it is the one that is proposed for its grant.
        alternative: whether it works by another way than the policy that is diagnosed.
        key_named_by_caller: whether it opens a KMS key that nothing but the denied call names; such a
            patch is never proposed, and two people have to approve it.
        before_sha256: digest of the document that the patch was made for.
        after_sha256: digest of the document that the patch writes.
        statement: the statement that is added or extended; for `kms:CreateGrant` the KMS grant.
        before: the document as read; None if there is none.
        after: the exact text to be written; None if both texts were left out of a long alert.
        digest: names exactly this change; an approval names it.
        says: whom it lets do what, in one sentence.
        snippets: the same change as code, where it is handed off.
        statements: every statement that is added or extended, `statement` the first; empty in
            reports of older versions.
    """

    grant: str
    account: str
    region: str
    target: str
    operation: str
    policy_name: str | None
    scope: str
    default: bool
    alternative: bool
    before_sha256: str
    after_sha256: str
    statement: Mapping[str, Any]
    before: str | None
    after: str | None
    digest: str
    says: str
    snippets: SnippetsReport | None = None
    statements: tuple[Mapping[str, Any], ...] = ()
    key_named_by_caller: bool = False

    @property
    def grantee(self) -> str | None:
        """The principal that the statement names; None if it names none, as in an IAM policy.

        A principal of another form than `{"AWS": ARN}` is given as its text, which no ARN equals.
        """
        principal = self.statement.get("Principal")
        if principal is None:
            return None
        named = principal.get("AWS") if isinstance(principal, dict) else principal
        return named if isinstance(named, str) else repr(named)

    @property
    def opened_of_bucket(self) -> tuple[str, ...]:
        """The ARNs and the listed prefixes of buckets that the statements open."""
        found: list[str] = []
        for one in self.statements or (self.statement,):
            found += [arn for arn in texts(one.get("Resource")) if ":s3:" in arn]
            condition = one.get("Condition")
            like = condition.get("StringLike") if isinstance(condition, dict) else None
            found += texts(like.get("s3:prefix", [])) if isinstance(like, dict) else ()
        return tuple(found)

    def to_patch(self) -> Patch:
        """The patch to be applied.

        Raises:
            ReportError: if the report was shortened and has no text to be written.
            ValueError: if the digest does not match the contents.
        """
        if self.after is None:
            raise ReportError("after", "absent", f"the text to be written to {self.target}")
        return Patch.from_json(self.to_json())

    def without_policy_texts(self) -> Self:
        """The same patch without the documents before and after."""
        return dataclasses.replace(self, before=None, after=None)

    def to_json(self) -> dict[str, Any]:
        """The patch as it stands in the report's JSON."""
        written = fields_without_texts(self)
        if self.statements:
            written["statements"] = [dict(one) for one in self.statements]
        if self.after is not None:
            written |= {"before": self.before, "after": self.after}
        written |= {"digest": self.digest, "says": self.says}
        return written | ({"snippets": self.snippets.to_json()} if self.snippets else {})

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        snippets = fields.object_or_null("snippets")
        return cls(
            grant=fields.text("grant"),
            account=fields.text("account"),
            region=fields.text("region", ""),
            target=fields.text("target"),
            operation=fields.text("operation"),
            policy_name=fields.text_or_null("policy_name", required=False),
            scope=fields.text("scope", ""),
            default=fields.boolean("default", default=True),
            alternative=fields.boolean("alternative", default=False),
            key_named_by_caller=fields.boolean("key_named_by_caller", default=False),
            before_sha256=fields.text("before_sha256"),
            after_sha256=fields.text("after_sha256"),
            statement=fields.mapping("statement"),
            statements=tuple(one.values for one in fields.objects("statements", required=False)),
            before=fields.text_or_null("before", required=False),
            after=fields.text_or_null("after", required=False),
            digest=fields.text("digest"),
            says=fields.text("says", ""),
            snippets=SnippetsReport.from_json(snippets) if snippets else None,
        )


@dataclass(frozen=True, slots=True)
class HandoffReport:
    """A change that people make, because the service does not.

    Args:
        kind: what is made: an `access_point`, a `service_statement`, or a `statement` that no patch
            could be made for.
        account: the account it is made in, 12 digits.
        target: the ARN of what it is for.
        why: why people make it.
        snippets: the change as code.
        statement: the statement, where one is the whole change; None in reports of older versions.
    """

    kind: str
    account: str
    target: str
    why: str
    snippets: SnippetsReport
    statement: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The hand-off as it stands in the report's JSON."""
        written = {
            "kind": self.kind,
            "account": self.account,
            "target": self.target,
            "why": self.why,
            "snippets": self.snippets.to_json(),
        }
        return written | ({"statement": dict(self.statement)} if self.statement else {})

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        statement = fields.object_or_null("statement")
        return cls(
            kind=fields.text("kind"),
            account=fields.text("account"),
            target=fields.text("target"),
            why=fields.text("why"),
            snippets=SnippetsReport.from_json(fields.object("snippets")),
            statement=statement.values if statement else None,
        )
