"""Draft the patches: for each missing grant one change, in every scope, and what else would do.

What each statement says, and on which conditions, stands in `patches.narrow_statements`.
"""

import json
import re
from dataclasses import dataclass, field, replace
from itertools import chain, count

from threegrants.aws.arn import Arn
from threegrants.aws.policy_json import is_ours, statements
from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import Diagnosis, GrantName, MissingInformation, Verdict
from threegrants.evidence import CallerEvidence, Evidence, KeyEvidence, Read, Unread
from threegrants.patches.alternatives import Handoff, access_point, kms_grant, managed_policy
from threegrants.patches.choices import Choices
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.grantable_actions import forbidden_among
from threegrants.patches.missing_actions import missing_actions
from threegrants.patches.narrow_statements import BUCKET_NAME, NarrowStatements
from threegrants.patches.patch import Patch, PatchOperation
from threegrants.patches.scopes import ScopedPattern, scopes_for
from threegrants.patches.service_statements import service_handoffs
from threegrants.patches.size_limits import limit_violation
from threegrants.patches.statement_edit import add_grants

_NOT_IN_POLICY_NAMES = re.compile(r"[^A-Za-z0-9+=,.@_-]")
_NAME_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Draft:
    """A patch, and what it is meant to grant; the checks compare the two.

    Several statements where one cannot say it: with a condition that only some of the actions know.
    `preferred` is the one of its grant that is proposed, or would be if the key were known.
    """

    patch: Patch
    grant_statements: tuple[GrantStatement, ...]
    preferred: bool = True


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts; for each missing grant without one the reason; and what is for people to do."""

    drafts: tuple[Draft, ...] = ()
    missing_information: tuple[MissingInformation, ...] = field(default=())
    handoffs: tuple[Handoff, ...] = field(default=())


def make_patches(
    call: DeniedCall,
    evidence: Evidence,
    diagnosis: Diagnosis,
    choices: Choices,
    folders: tuple[str, ...] = (),
) -> Drafts:
    """Draft patches for each missing grant; of those for one grant at most one is the default.

    Args:
        call: the denied call.
        evidence: the snapshot; its documents are the patches' `before`.
        diagnosis: the verdicts; only `missing` grants are patched.
        choices: how they are cut.
        folders: the folders of all denied keys, if more than this call's key is known.
    """
    if diagnosis.grantee is None:
        return Drafts(handoffs=service_handoffs(call, evidence, diagnosis))
    forbidden = forbidden_among(missing_actions(call, diagnosis))
    if forbidden:
        why = (
            f"{', '.join(forbidden)} is not the reading, listing, writing or deleting of data: this "
            "service grants nothing else"
        )
        return Drafts(
            missing_information=(
                MissingInformation("patches", why, "a person who grants it by hand"),
            )
        )
    if call.operation == "DeleteObjects" and call.object_key is None:
        why = "the record of a DeleteObjects does not say which objects: the whole bucket would be"
        return Drafts(
            missing_information=(
                MissingInformation(
                    "patches", f"{why} opened for deletion", "a person who knows which objects"
                ),
            )
        )
    scoped_patterns = scopes_for(call, choices.scope, folders)
    narrow = NarrowStatements(call, diagnosis.grantee, choices, scoped_patterns, diagnosis)
    drafting = _Drafting(call, evidence, diagnosis.grantee, narrow)
    iam = diagnosis.iam_policy
    grants = (diagnosis.bucket_policy, diagnosis.key_policy, iam.bucket, iam.key)
    unmet = [reason for grant in grants for reason in grant.unmet_conditions]
    if unmet:
        why = (
            f"{unmet[0].policy} {unmet[0].sid} would allow the call but for a condition on how it is "
            f"made ({unmet[0].detail}). A patch without the condition would take it away"
        )
        return Drafts(missing_information=(MissingInformation("patches", why, unmet[0].advice),))
    found: list[Drafts] = []
    if diagnosis.bucket_policy.verdict is Verdict.MISSING:
        found.append(drafting.only(s3=diagnosis.bucket_policy.actions).bucket_policy())
    if diagnosis.key_policy.verdict is Verdict.MISSING:
        found.append(drafting.only(kms=diagnosis.key_policy.actions).key_policy())
    legs_missing = (iam.bucket.verdict is Verdict.MISSING, iam.key.verdict is Verdict.MISSING)
    if any(legs_missing):
        own = drafting.only(s3=iam.bucket.actions, kms=iam.key.actions)
        found.append(own.iam_policy(bucket=legs_missing[0], key=legs_missing[1]))
    return Drafts(
        tuple(drafting.beside_if_doubtful(draft) for one in found for draft in one.drafts),
        tuple(missing for one in found for missing in one.missing_information),
        tuple(handoff for one in found for handoff in one.handoffs),
    )


@dataclass(frozen=True, slots=True)
class _PolicyLocation:
    """Where a patch goes."""

    grant: GrantName
    account: str
    region: str
    target: str
    operation: PatchOperation
    policy_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Drafting:
    call: DeniedCall
    evidence: Evidence
    grantee: str
    narrow: NarrowStatements

    def only(self, s3: tuple[str, ...] = (), kms: tuple[str, ...] = ()) -> "_Drafting":
        """The same for some of the call's actions: what is granted already is not granted again."""
        call = replace(
            self.call,
            s3_actions=s3 or self.call.s3_actions,
            kms_actions=kms or self.call.kms_actions,
        )
        return replace(self, call=call, narrow=replace(self.narrow, call=call))

    def beside_if_doubtful(self, draft: Draft) -> Draft:
        """A draft that opens a key which only the caller names is never the proposed one."""
        opens_key = any(
            action.startswith("kms:") for one in draft.grant_statements for action in one.actions
        )
        key = self._key()
        if not opens_key or key is None or key.corroborated:
            return draft
        beside = replace(draft.patch, default=False, key_named_by_caller=True)
        return replace(draft, patch=beside)

    def bucket_policy(self) -> Drafts:
        what, bucket = "patch of the bucket policy", self.evidence.bucket
        if bucket is None:
            return _not_drafted(what, "no bucket is known", "a record that names the bucket")
        if isinstance(bucket.account, Unread):
            why = f"the bucket's owner is not known: {bucket.account.why}"
            return _not_drafted(what, why, bucket.account.needs)
        if isinstance(bucket.policy, Unread):
            why = f"the bucket policy was not read: {bucket.policy.why}"
            return _not_drafted(what, why, bucket.policy.needs)
        if not BUCKET_NAME.fullmatch(bucket.name):
            why = f"{bucket.name!r} is not a name that S3 gives to a bucket"
            return _not_drafted(what, why, "the name of the bucket, from whoever made the call")
        arn = self.narrow.bucket_arn()
        location = _PolicyLocation(
            GrantName.BUCKET_POLICY,
            bucket.account.value,
            self.call.region,
            arn,
            PatchOperation.PUT_BUCKET_POLICY,
        )
        before = bucket.policy.value
        offers = [
            self._scoped(
                location, before, (self.narrow.bucket_statement(scoped, location.account),), scoped
            )
            for scoped in self.narrow.scoped_patterns
        ]
        chosen = _with_default(offers, self.narrow.scoped_patterns)
        if chosen.drafts:
            return chosen
        grant_statement = self.narrow.bucket_statement(
            next(scoped for scoped in self.narrow.scoped_patterns if scoped.default),
            location.account,
        )
        handoff = access_point(self.call, bucket, grant_statement, self.grantee)
        return replace(chosen, handoffs=(handoff,))

    def key_policy(self) -> Drafts:
        what, key = "patch of the key policy", self._key()
        if key is None:
            return self._no_key(what)
        if isinstance(key.policy, Unread):
            why = f"the key policy was not read: {key.policy.why}"
            return _not_drafted(what, why, key.policy.needs)
        if isinstance(key.manager, Read) and key.manager.value == "AWS":
            why = "nobody can change the policy of an AWS managed key"
            return _not_drafted(what, why, "a customer managed key for the bucket's objects")
        location = _PolicyLocation(
            GrantName.KEY_POLICY, key.account, key.region, key.arn, PatchOperation.PUT_KEY_POLICY
        )
        patterns = self.narrow.key_patterns()
        offers = [
            self._scoped(
                location,
                key.policy.value,
                (self.narrow.key_statement(key, scoped),),
                scoped,
            )
            for scoped in patterns
        ]
        chosen = _with_default(offers, patterns)
        # A KMS grant cannot keep the conditions of an owner.
        kept = self.narrow.kept_of(lambda found: found.key_policy)
        grant = (
            None
            if kept
            else kms_grant(self.call, self.evidence, key, self.grantee, self.narrow.kms_actions())
        )
        excess = limit_violation(grant[0], self.evidence.caller) if grant else None
        if chosen.drafts:
            cross_account = self.evidence.caller.account != key.account
            beside = [_draft_of(grant)] if grant and cross_account and not excess else []
            return replace(chosen, drafts=(*chosen.drafts, *beside))
        statement = chosen.missing_information[0]
        if grant is None or excess:
            none = excess or "no KMS grant can carry these actions"
            why = f"{statement.why}; a KMS grant is not possible either: {none}"
            return Drafts(missing_information=(replace(statement, why=why),))
        return Drafts((_draft_of((replace(grant[0], default=True), grant[1])),))

    def iam_policy(self, *, bucket: bool, key: bool) -> Drafts:
        what, caller = "patch of the IAM policy", self.evidence.caller
        if isinstance(caller.policies, Unread):
            why = f"the caller's policies were not read: {caller.policies.why}"
            return _not_drafted(what, why, caller.policies.needs)
        if not caller.account:
            why = "the caller's account is not known"
            return _not_drafted(what, why, "a record that names the caller's account")
        of_key = self._key() if key else None
        if key and of_key is None:
            return self._no_key(what)
        if bucket and not BUCKET_NAME.fullmatch(self.call.bucket or ""):
            why = f"{self.call.bucket!r} is not a name that S3 gives to a bucket"
            return _not_drafted(what, why, "the name of the bucket, from whoever made the call")
        of_user = Arn.parse(self.grantee).resource_type == "user"
        subject = self.call.bucket or (of_key.arn.rsplit("/", 1)[-1] if of_key else "key")
        name = _free_policy_name(caller, _NOT_IN_POLICY_NAMES.sub("-", f"threegrants-{subject}"))
        location = _PolicyLocation(
            GrantName.IAM_POLICY,
            caller.account,
            self.call.region,
            self.grantee,
            PatchOperation.PUT_USER_POLICY if of_user else PatchOperation.PUT_ROLE_POLICY,
            name,
        )
        before = _inline_document(caller, name)
        patterns = self.narrow.scoped_patterns if bucket else self.narrow.key_patterns()
        meant = [self.narrow.iam_statements(scoped, of_key, bucket=bucket) for scoped in patterns]
        offers = [
            self._scoped(location, before, grant_statements, scoped)
            for grant_statements, scoped in zip(meant, patterns, strict=True)
        ]
        chosen = _with_default(offers, patterns)
        if chosen.drafts:
            return chosen
        separate = [
            self._within_limits(
                managed_policy(self.call, self.grantee, caller.account, grant_statements, scoped),
                grant_statements,
            )
            for grant_statements, scoped in zip(meant, patterns, strict=True)
        ]
        second = _with_default(separate, patterns)
        if second.drafts:
            return second
        why = f"{chosen.missing_information[0].why}; nor is there room for a policy of its own: "
        why += second.missing_information[0].why
        return Drafts(missing_information=(replace(chosen.missing_information[0], why=why),))

    def _scoped(
        self,
        location: _PolicyLocation,
        before: str | None,
        grant_statements: tuple[GrantStatement, ...],
        scoped: ScopedPattern | None,
    ) -> Draft | MissingInformation:
        try:
            after, added = add_grants(before, grant_statements, self.call.access.value)
        except ValueError as error:
            return MissingInformation(
                f"patch of {location.target}", str(error), "a policy that AWS accepts"
            )
        patch = Patch(
            grant=location.grant,
            account=location.account,
            region=location.region,
            target=location.target,
            operation=location.operation,
            before=before,
            after=after,
            statement=added[0],
            policy_name=location.policy_name,
            scope=scoped.scope if scoped else None,
        )
        return self._within_limits(patch, grant_statements)

    def _within_limits(
        self, patch: Patch, grant_statements: tuple[GrantStatement, ...]
    ) -> Draft | MissingInformation:
        problem = limit_violation(patch, self.evidence.caller)
        if problem:
            return MissingInformation(
                f"patch of {patch.target}",
                problem,
                "a shorter policy: statements that nobody needs any more can go",
            )
        return Draft(patch, grant_statements, preferred=patch.default)

    def _no_key(self, what: str) -> Drafts:
        """No draft, because it is not known which key it is about."""
        key = self.evidence.key
        if isinstance(key, Unread):
            return _not_drafted(what, f"the key is not known: {key.why}", key.needs)
        return _not_drafted(what, "the key is not known", "a record that names the key")

    def _key(self) -> KeyEvidence | None:
        return self.evidence.key.value if isinstance(self.evidence.key, Read) else None


def _with_default(
    offers: list[Draft | MissingInformation], patterns: tuple[ScopedPattern | None, ...]
) -> Drafts:
    """The drafts that fit, narrowest first, with the default marked.

    Where the default does not fit, the next narrower one is proposed; a wider one never is.
    """
    wanted = next(
        index for index, scoped in enumerate(patterns) if scoped is None or scoped.default
    )
    fitting = [index for index, offer in enumerate(offers) if isinstance(offer, Draft)]
    best = max((index for index in fitting if index <= wanted), default=None)
    drafts = tuple(
        replace(offer, patch=replace(offer.patch, default=index == best), preferred=index == best)
        for index, offer in enumerate(offers)
        if isinstance(offer, Draft)
    )
    missing = offers[wanted]
    return Drafts(drafts, () if best is not None or isinstance(missing, Draft) else (missing,))


def _draft_of(made: tuple[Patch, GrantStatement]) -> Draft:
    return Draft(made[0], (made[1],), preferred=made[0].default)


def _not_drafted(what: str, why: str, needs: str) -> Drafts:
    return Drafts(missing_information=(MissingInformation(what, why, needs),))


def _free_policy_name(caller: CallerEvidence, name: str) -> str:
    """A policy name under which nothing stands that is not ours."""
    name = name[: _NAME_CHARACTERS - 4]
    names = chain([name], (f"{name}-{serial}" for serial in count(2)))
    return next(
        tried for tried in names if _holds_only_our_statements(_inline_document(caller, tried))
    )


def _holds_only_our_statements(document: str | None) -> bool:
    if document is None:
        return True
    try:
        loaded = json.loads(document)
    except (ValueError, RecursionError):
        return False
    return isinstance(loaded, dict) and all(is_ours(one) for one in statements(loaded))


def _inline_document(caller: CallerEvidence, name: str) -> str | None:
    policies = caller.policies.value if isinstance(caller.policies, Read) else ()
    for policy in policies:
        if policy.kind == "inline" and policy.name == name:
            return policy.document
    return None
