"""A folder of policy documents as a `PolicySet`."""

from collections.abc import Mapping

from threegrants.access_check.planned_call import Question, bucket_owner
from threegrants.access_check.policy_set import PolicyFileError, PolicySet
from threegrants.evidence import Encryption, Item, LevelEvidence, NamedPolicy, Read, Unread
from threegrants.iam import Policy, PolicyError

BUCKET_POLICY, KEY_POLICY = "bucket-policy.json", "key-policy.json"
BOUNDARY = "permissions-boundary.json"
IDENTITY, SCPS, RCPS = "identity-policies", "service-control-policies", "resource-control-policies"
FOLDER_LAYOUT = {
    BUCKET_POLICY: "the bucket policy; an empty file if there is none",
    KEY_POLICY: "the KMS key policy",
    f"{IDENTITY}/*.json": "the principal's identity-based policies; an empty folder if there are none",
    BOUNDARY: "its permissions boundary, if there is one",
    f"{SCPS}/LEVEL/*.json": "service control policies, a folder for each level of the organisation",
    f"{RCPS}/LEVEL/*.json": "resource control policies, likewise",
}
"""The files that are looked for, and what each holds."""


def policies_of_folder(files: Mapping[str, str], question: Question, place: str) -> PolicySet:
    """What a folder says of a question.

    Args:
        files: the texts of its JSON files, and "" for an empty folder, by path below the folder.
        question: what is asked.
        place: the folder's path, for messages.

    Raises:
        QuestionError: if nothing says who owns the bucket.
        PolicyFileError: if none of the files is one that is looked for, or one is no policy.
    """
    known = (BUCKET_POLICY, KEY_POLICY, BOUNDARY)
    if not any(name in known or name.startswith((IDENTITY, SCPS, RCPS)) for name in files):
        expected = ", ".join(FOLDER_LAYOUT)
        raise PolicyFileError(f"{place}: holds none of the expected files: {expected}")
    owner = bucket_owner(question)
    if KEY_POLICY in files and question.bucket and not question.kms_key:
        raise PolicyFileError(f"{place}/{KEY_POLICY}: of which key? --key gives its ARN")
    encryption = (
        Encryption("aws:kms", question.kms_key) if question.kms_key else Encryption("AES256")
    )
    supposed = []
    if owner and not question.bucket_account:
        supposed.append(f"account {owner} owns the bucket (--bucket-account names another)")
    if not question.kms_key and question.bucket:
        supposed.append("no KMS key takes part (--key names one)")
    if not any(name.startswith((SCPS, RCPS)) for name in files):
        supposed.append("no policy of an organisation is in the way: the folder holds none")
    return PolicySet(
        bucket_policy=_document(files, BUCKET_POLICY),
        key_policy=_document(files, KEY_POLICY),
        identity=_identity(files),
        boundary=_boundary(files),
        encryption=Read(encryption),
        scps=_levels(files, SCPS),
        rcps=_levels(files, RCPS),
        bucket_account=owner,
        places={
            "bucket_policy": f"{place}/{BUCKET_POLICY}",
            "key_policy": f"{place}/{KEY_POLICY}",
            "iam_policy": f"{place}/{IDENTITY}",
        },
        supposed=tuple(supposed),
    )


def checked_policy(text: str, place: str) -> str:
    """The text of a policy, if it is one.

    Raises:
        PolicyFileError: with the place and what is wrong.
    """
    try:
        Policy.parse(text, place)
    except PolicyError as error:
        raise PolicyFileError(f"{place}: {error}") from error
    return text


def _document(files: Mapping[str, str], name: str) -> Item[str | None]:
    if name not in files:
        return Unread(f"the folder has no {name}", f"{name} ({FOLDER_LAYOUT[name]})")
    text = files[name]
    return Read(checked_policy(text, name) if text.strip() else None)


def _identity(files: Mapping[str, str]) -> Item[tuple[NamedPolicy, ...]]:
    inside = {name: text for name, text in files.items() if name.split("/")[0] == IDENTITY}
    if not inside:
        return Unread(f"the folder has no {IDENTITY}", f"{IDENTITY}/*.json")
    return Read(
        tuple(
            NamedPolicy(_stem(name), checked_policy(text, name))
            for name, text in sorted(inside.items())
            if text.strip()
        )
    )


def _boundary(files: Mapping[str, str]) -> Item[NamedPolicy | None]:
    text = files.get(BOUNDARY, "")
    return Read(
        NamedPolicy(_stem(BOUNDARY), checked_policy(text, BOUNDARY)) if text.strip() else None
    )


def _levels(files: Mapping[str, str], folder: str) -> tuple[LevelEvidence, ...]:
    levels: dict[str, list[NamedPolicy]] = {}
    for name, text in sorted(files.items()):
        place, *below = name.split("/")
        if place != folder or not text.strip():
            continue
        level = below[0] if len(below) > 1 else folder
        levels.setdefault(level, []).append(NamedPolicy(_stem(name), checked_policy(text, name)))
    return tuple(LevelEvidence(name, tuple(policies)) for name, policies in levels.items())


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")
