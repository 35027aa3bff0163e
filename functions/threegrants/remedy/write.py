"""Reading and writing the one policy a patch is about, with the mender role of its account."""

from collections.abc import Callable
from typing import Any

from threegrants.evidence import Accounts
from threegrants.evidence.bucket import read_bucket_policy
from threegrants.evidence.caller import read_inline_policy
from threegrants.evidence.key import read_key_policy
from threegrants.patches import Patch


def read(patch: Patch, accounts: Accounts) -> str | None:
    """The live text of the policy, None if there is none.

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
    """
    client = accounts.client(patch.account, _SERVICE[patch.grant], patch.region)
    return _READ[patch.grant](client, patch)


def write(patch: Patch, text: str | None, accounts: Accounts) -> None:
    """Put `text` in the policy's place; None removes the policy (there was none before).

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
    """
    client = accounts.client(patch.account, _SERVICE[patch.grant], patch.region)
    _WRITE[patch.grant](client, patch, text)


def _bucket_name(patch: Patch) -> str:
    return patch.target.split(":::", 1)[1]


def _holder(patch: Patch) -> tuple[str, str]:
    kind, _, path = patch.target.split(":", 5)[5].partition("/")
    return kind, path.rsplit("/", 1)[-1]


def _read_bucket(client: Any, patch: Patch) -> str | None:
    return read_bucket_policy(client, _bucket_name(patch), patch.account)


def _read_key(client: Any, patch: Patch) -> str | None:
    return read_key_policy(client, patch.target)


def _read_iam(client: Any, patch: Patch) -> str | None:
    kind, holder = _holder(patch)
    return read_inline_policy(client, kind, holder, patch.policy_name or "")


def _write_bucket(client: Any, patch: Patch, text: str | None) -> None:
    where = {"Bucket": _bucket_name(patch), "ExpectedBucketOwner": patch.account}
    if text is None:
        client.delete_bucket_policy(**where)
    else:
        client.put_bucket_policy(Policy=text, **where)


def _write_key(client: Any, patch: Patch, text: str | None) -> None:
    # BypassPolicyLockoutSafetyCheck is never set: KMS itself keeps the administrators in.
    client.put_key_policy(KeyId=patch.target, PolicyName="default", Policy=text or "")


def _write_iam(client: Any, patch: Patch, text: str | None) -> None:
    kind, holder = _holder(patch)
    name = patch.policy_name or ""
    if kind == "user":
        if text is None:
            client.delete_user_policy(UserName=holder, PolicyName=name)
        else:
            client.put_user_policy(UserName=holder, PolicyName=name, PolicyDocument=text)
    elif text is None:
        client.delete_role_policy(RoleName=holder, PolicyName=name)
    else:
        client.put_role_policy(RoleName=holder, PolicyName=name, PolicyDocument=text)


_SERVICE = {"bucket_policy": "s3", "key_policy": "kms", "iam_policy": "iam"}
_READ: dict[str, Callable[[Any, Patch], str | None]] = {
    "bucket_policy": _read_bucket,
    "key_policy": _read_key,
    "iam_policy": _read_iam,
}
_WRITE: dict[str, Callable[[Any, Patch, str | None], None]] = {
    "bucket_policy": _write_bucket,
    "key_policy": _write_key,
    "iam_policy": _write_iam,
}
