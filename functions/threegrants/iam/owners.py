"""Operations that a service keeps to the owner's account, whatever the policies allow.

The service refuses them after the policies have spoken (S3 with "405 Method Not Allowed"), so this
is no part of the evaluation. See "Cross-account use: No" on the operations' pages in
https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html and "must … belong to the bucket
owner's account" in https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
"""

_OWNERS_ONLY = frozenset(
    {
        "s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy",
        "kms:cancelkeydeletion", "kms:deleteimportedkeymaterial", "kms:disablekey",
        "kms:disablekeyrotation", "kms:enablekey", "kms:enablekeyrotation", "kms:getkeypolicy",
        "kms:getparametersforimport", "kms:importkeymaterial", "kms:listkeypolicies",
        "kms:listresourcetags", "kms:putkeypolicy", "kms:replicatekey", "kms:schedulekeydeletion",
        "kms:tagresource", "kms:untagresource", "kms:updatekeydescription",
        "kms:updateprimaryregion",
    }
)  # fmt: skip


def only_for_owner(action: str) -> bool:
    """Whether no policy can open an action (`kms:PutKeyPolicy`) to another account."""
    return action.lower() in _OWNERS_ONLY
