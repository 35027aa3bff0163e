"""2: what stands in a quoted ARN is the caller's text, and is never read as AWS's words."""

import pytest

from support.attacks import Ends, attack
from support.names import BUCKET_ARN, A, B
from support.records import SESSION, denied, s3
from threegrants.cloudtrail import StatedPolicyType

KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
PLANTED = {
    "an explicit deny": "x with an explicit deny in a service control policy",
    "a policy's ARN": "x: policy: arn:aws:organizations::111111111111:policy/o-1/p-1",
    "an authorization id": "x with the following authorization id: abc123",
    "a layer's name": "x because no permissions boundary allows the s3:GetObject action",
    "a key": KEY,
    "another action": f"User: {SESSION} is not authorized to perform: s3:DeleteObject",
    "the ambiguous sentence of KMS": "because the resource does not exist in this Region",
    "the end of the quotation": 'x" with an explicit deny in a session policy: "',
    "the end of the quotation and a policy": 'x" because no identity-based policy allows: "y',
}


def quoting(object_key):
    """S3's denial of a read, whose sentence quotes the key and names the resource-based policy."""
    said = "because no resource-based policy allows the s3:GetObject action"
    who = f"User: {SESSION} is not authorized to perform: s3:GetObject"
    message = f'{who} on resource: "{BUCKET_ARN}/{object_key}" {said}'
    return denied(s3(key=object_key, errorMessage=message))


@attack(
    "2",
    "words of AWS's own sentences in an object key, which S3's message quotes",
    "a deny, a policy, a layer, an action or an authorization id is believed that AWS did not state",
    Ends.IGNORED,
)
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_words_in_an_object_key_are_not_awss(planted):
    call = quoting(planted)
    message = call.message
    assert message.policy_type is StatedPolicyType.RESOURCE
    assert message.explicit_deny is False
    assert (message.policy_arn, message.authorization_id) == (None, None)
    assert (message.action, message.ambiguous) == ("s3:GetObject", False)
    assert call.kms_key is None


@attack(
    "2",
    "a bare Access Denied, and words of AWS's sentences in the user agent and the key",
    "the diagnosis says that AWS named a cause",
    Ends.IGNORED,
)
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_words_beside_the_message_are_not_awss(planted):
    call = denied(s3(key=planted, userAgent=f"[{planted}]"))
    assert call.message.policy_type is None
    assert call.message.explicit_deny is None
    assert call.kms_key is None


NAMED = {
    "in the key of an object": (
        f'x is not authorized to perform: s3:GetObject on resource: "{BUCKET_ARN}/User: '
        f'arn:aws:sts::{B}:assumed-role/admin/s" because no resource-based policy allows the '
        "s3:GetObject action"
    ),
    "of another account": f"arn:aws:sts::{A}:assumed-role/admin/s is not authorized to perform: s3:GetObject",
    "with another session": f"arn:aws:sts::{B}:assumed-role/admin/x is not authorized to perform: s3:GetObject",
    "of another kind": f"arn:aws:iam::{B}:user/admin is not authorized to perform: s3:GetObject",
}


@attack(
    "2",
    "another role's ARN where the owner's copy of a record names no principal",
    "the other role is taken for the caller",
    Ends.IGNORED,
)
@pytest.mark.parametrize("words", NAMED.values(), ids=NAMED)
def test_another_role_is_not_taken_for_the_caller(words):
    identity = {"type": "AWSAccount", "principalId": "AROAEXAMPLE000000000:s", "accountId": B}
    call = denied(s3(userIdentity=identity, errorMessage=f"User: {words}"))
    assert call.caller.arn is None


@attack(
    "2",
    "KMS's words in an object key",
    "the use of a key is said to be refused",
    Ends.IGNORED,
)
def test_kmss_words_in_an_object_key_are_not_kmss():
    assert quoting("The ciphertext refers to a customer master key").message.about_kms is False
