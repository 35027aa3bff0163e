"""The object itself: whether it exists, with which key it is encrypted, who owns it, and its tags.

Optional, because S3 has no permission to see an object's headers without its content. Only headers
and tags are asked for; the content is never read, and no checksum, which would need the key as well.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from threegrants.evidence.calls import absent_when, call_or_unread, code_of, run_concurrently
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import Encryption, Item, ObjectEvidence, Read, Unread

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "405"})
"""405 Method Not Allowed: the version asked for is a delete marker."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the bucket's list says of the object.

    `owner` is None if the object is not listed; `complete` is whether it would be, if it existed.
    """

    owner: str | None
    complete: bool


def read_object(
    clients: RoleClients,
    account: str,
    bucket: str,
    key: str,
    version_id: str | None,
    region: str,
    *,
    bucket_owner_enforced: bool = False,
) -> ObjectEvidence:
    """The object of a call, read in the account that owns the bucket; one round of calls.

    Args:
        clients: clients of the member accounts.
        account: the bucket's owner; S3 refuses if another account owns it by now.
        bucket: the bucket's name.
        key: the object's key, as the record states it.
        version_id: the version asked for; None for the current one.
        region: the bucket's Region.
        bucket_owner_enforced: whether Object Ownership makes the bucket's owner own every object.
    """

    def s3() -> "S3Client":
        return clients.client(account, "s3", region)

    # The key is the caller's text: it stands in no sentence.
    def needs(action: str) -> str:
        return clients.needs(action, f"bucket {bucket} and its objects", account)

    versioned: dict[str, Any] = {"VersionId": version_id} if version_id else {}
    get = "s3:GetObjectVersion" if version_id else "s3:GetObject"
    get_tags = "s3:GetObjectVersionTagging" if version_id else "s3:GetObjectTagging"
    where: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": account}
    head: Item[Mapping[str, Any] | None]
    listed: Item[_Listed]
    head, listed, tags, bucket_owner = run_concurrently(
        [
            lambda: call_or_unread(
                lambda: s3().head_object(**where, Key=key, **versioned),
                needs(get),
                _no_object(needs(get)),
            ),
            _version_listed(s3, where, key, version_id, needs("s3:ListBucketVersions"))
            if version_id
            else _current_listed(s3, where, key, needs("s3:ListBucket")),
            lambda: call_or_unread(
                lambda: _tags(s3().get_object_tagging(**where, Key=key, **versioned)),
                needs(get_tags),
                absent_when(("NoSuchKey", "NoSuchVersion", "MethodNotAllowed"), {}),
            ),
            (lambda: Read(None))
            if bucket_owner_enforced
            else lambda: call_or_unread(
                lambda: str(s3().get_bucket_acl(**where)["Owner"]["ID"]), needs("s3:GetBucketAcl")
            ),
        ]
    )
    exists = _exists(head, listed)
    return ObjectEvidence(
        exists=exists,
        encryption=_encryption(head, exists),
        owner=Read(None) if bucket_owner_enforced else _owner(listed, exists),
        bucket_owner=bucket_owner,
        tags=tags,
        **_lock(head.value_or_none or {}),
    )


def _tags(answer: Mapping[str, Any]) -> Mapping[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in answer["TagSet"]}


def _lock(description: Mapping[str, Any]) -> dict[str, Any]:
    """What a HEAD shows of Object Lock, to who may see retention and legal hold."""
    until = description.get("ObjectLockRetainUntilDate")
    return {
        "retained_until": until.isoformat() if until is not None else None,
        "retention_mode": description.get("ObjectLockMode"),
        "legal_hold": description.get("ObjectLockLegalHoldStatus") == "ON",
    }


def _no_object(needs: str) -> Callable[[ClientError], Item[Any] | None]:
    """A HEAD has no body, so its errors are numbers."""

    def answer(error: ClientError) -> Item[Any] | None:
        code = code_of(error)
        if code in _GONE:
            return Read(None)
        if code == "400":
            return Unread(
                "S3 answered 400 Bad Request, as it does for an object that is encrypted with a "
                "customer-provided key (SSE-C)",
                f"the object's headers, from someone who has its key, or {needs}",
            )
        return None

    return answer


def _current_listed(
    s3: Callable[[], "S3Client"], where: Mapping[str, Any], key: str, needs: str
) -> Callable[[], Item[_Listed]]:
    """Keys are listed in order, so that a key comes before every longer one it begins."""

    def fetch() -> _Listed:
        answer = s3().list_objects_v2(**where, Prefix=key, MaxKeys=1, FetchOwner=True)
        return _owner_in(answer, "Contents", key, lambda entry: entry["Key"] == key)

    return lambda: call_or_unread(fetch, needs)


def _version_listed(
    s3: Callable[[], "S3Client"], where: Mapping[str, Any], key: str, version: str, needs: str
) -> Callable[[], Item[_Listed]]:
    """The versions of a key come one after the other; a delete marker is no version."""

    def fetch() -> _Listed:
        answer = s3().list_object_versions(**where, Prefix=key)
        return _owner_in(
            answer,
            "Versions",
            key,
            lambda entry: entry["Key"] == key and entry["VersionId"] == version,
        )

    return lambda: call_or_unread(fetch, needs)


def _owner_in(
    answer: Mapping[str, Any], group: str, key: str, wanted: Callable[[Any], bool]
) -> _Listed:
    entries = answer.get(group, ())
    found = next((entry for entry in entries if wanted(entry)), None)
    beyond = any(entry["Key"] != key for entry in entries)
    return _Listed(
        owner=str(found["Owner"]["ID"]) if found else None,
        complete=bool(found) or beyond or not answer.get("IsTruncated"),
    )


def _exists(head: Item[Mapping[str, Any] | None], listed: Item[_Listed]) -> Item[bool]:
    """What HEAD says, else the list: S3 says 404 only to those who may list the bucket."""
    if isinstance(listed, Unread) and "NoSuchBucket" in listed.why:
        return listed
    if isinstance(head, Read):
        return Read(head.value is not None)
    if isinstance(listed, Read):
        if listed.value.complete:
            return Read(listed.value.owner is not None)
        return head
    return Unread(head.why, f"{head.needs}; or {listed.needs}")


def _encryption(
    head: Item[Mapping[str, Any] | None], exists: Item[bool]
) -> Item[Encryption | None]:
    if isinstance(head, Unread):
        gone = isinstance(exists, Read) and not exists.value
        return Read(None) if gone else head
    if head.value is None or not head.value.get("ServerSideEncryption"):
        return Read(None)
    description = head.value
    return Read(
        Encryption(
            algorithm=str(description["ServerSideEncryption"]),
            key=description.get("SSEKMSKeyId") or None,
            bucket_key=bool(description.get("BucketKeyEnabled")),
        )
    )


def _owner(listed: Item[_Listed], exists: Item[bool]) -> Item[str | None]:
    if isinstance(exists, Read) and not exists.value:
        return Unread("there is no such object, so nobody owns it", "an object of that key")
    if isinstance(listed, Unread):
        return listed
    if listed.value.owner is None:
        return Unread(
            "the list of the bucket's objects does not show this one",
            "the object's owner, from the owner of the bucket",
        )
    return Read(listed.value.owner)
