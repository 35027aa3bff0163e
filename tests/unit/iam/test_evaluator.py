"""Every case of the two case files: the decision, and the causes where the case states them."""

import json

import pytest

from support.cases import questions
from threegrants.cli.cases import answer_case
from threegrants.iam import Policy, PolicyError

DOCUMENTED = questions("documented")
RANDOM = questions("random")


@pytest.mark.parametrize("case", DOCUMENTED, ids=[case["id"] for case in DOCUMENTED])
def test_documented(case):
    assert answer_case(case)["decision"] == case["expected"]["decision"], case.get("doc")


def test_random():
    wrong = []
    for case in RANDOM:
        given_answer, expected = answer_case(case), case["expected"]
        causes = expected.get("causes")
        right = given_answer["decision"] == expected["decision"] and (
            causes is None or sorted(causes) == given_answer["causes"]
        )
        if not right:
            wrong.append((case["id"], expected, given_answer))
    assert not wrong
    assert len(RANDOM) == 3000


FITS = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def having(**elements):
    return {"Version": "2012-10-17", "Statement": [FITS, {**FITS, **elements}]}


def without(element):
    statement = {name: value for name, value in FITS.items() if name != element}
    return {"Statement": statement}


MALFORMED = [
    ("no JSON", '{"Statement": ', "$"),
    ("no object", "[]", "$"),
    ("no statement", '{"Version": "2012-10-17"}', "Statement"),
    ("an unknown version", {"Version": "2012-10-18", "Statement": []}, "Version"),
    ("a version that is no text", {"Version": [], "Statement": []}, "Version"),
    ("an unknown element of the policy", {"Statements": []}, "Statements"),
    ("a key that stands twice", '{"Version": "2012-10-17", "Version": "2012-10-17"}', "Version"),
    ("a key that stands twice further in", '{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}',
     "Statement[0].Effect"),
    ("a statement that is no object", {"Statement": ["Allow"]}, "Statement[0]"),
    ("the only statement", without("Effect"), "Statement.Effect"),
    ("an unknown element", having(Act="*"), "Statement[1].Act"),
    ("an unknown effect", having(Effect="allow"), "Statement[1].Effect"),
    ("an effect that is a list", having(Effect=["Allow"]), "Statement[1].Effect"),
    ("a Sid that is no text", having(Sid=7), "Statement[1].Sid"),
    ("an action without a service", having(Action=["s3:*", "GetObject"]), "Statement[1].Action[1]"),
    ("an action that is no text", having(Action={"s3:*": 1}), "Statement[1].Action"),
    ("an action that is null", having(Action=None), "Statement[1].Action[0]"),
    ("a list in a list", having(Action=[["s3:*"]]), "Statement[1].Action"),
    ("Action and NotAction", having(NotAction="s3:*"), "Statement[1].NotAction"),
    ("Resource and NotResource", having(NotResource="*"), "Statement[1].NotResource"),
    ("both principals", having(Principal="*", NotPrincipal={"AWS": "*"}), "Statement[1].NotPrincipal"),
    ("a resource that is no ARN", having(Resource="my-bucket/*"), "Statement[1].Resource[0]"),
    ("a principal that is neither", having(Principal="arn:aws:iam::1:root"), "Statement[1].Principal"),
    ("an unknown kind of principal", having(Principal={"IAM": "*"}), "Statement[1].Principal.IAM"),
    ("a principal with a wildcard", having(Principal={"AWS": ["arn:aws:iam::111111111111:role/*"]}),
     "Statement[1].Principal.AWS[0]"),
    ("a principal that is no text", having(Principal={"AWS": [7]}), "Statement[1].Principal.AWS[0]"),
    ("a principal that is an object", having(Principal={"AWS": {}}), "Statement[1].Principal"),
    ("a condition that is a list", having(Condition=[]), "Statement[1].Condition"),
    ("an operator without an object", having(Condition={"Bool": "true"}),
     "Statement[1].Condition.Bool"),
    ("an unknown operator", having(Condition={"StringSame": {"aws:x": "y"}}),
     "Statement[1].Condition.StringSame"),
    ("Null with IfExists", having(Condition={"NullIfExists": {"aws:x": "true"}}),
     "Statement[1].Condition.NullIfExists"),
    ("an unknown set operator", having(Condition={"ForSomeValues:Bool": {"aws:x": "true"}}),
     "Statement[1].Condition.ForSomeValues:Bool"),
    ("a condition value that is an object", having(Condition={"Bool": {"aws:x": {}}}),
     "Statement[1].Condition.Bool.aws:x"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "path"), [case[1:] for case in MALFORMED],
                         ids=[case[0] for case in MALFORMED])  # fmt: skip
def test_malformed_policies_say_where(document, path):
    with pytest.raises(PolicyError) as error:
        Policy.parse(document, "p")
    assert error.value.path == path
    as_text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(PolicyError) as of_text:
        Policy.parse(as_text, "p")
    assert of_text.value.path == path


ACCEPTED = [
    ("one statement instead of a list", {"Statement": FITS}),
    ("no version", {"Statement": [FITS]}),
    ("an id", {"Version": "2008-10-17", "Id": "Policy1", "Statement": []}),
    ("a bare account", having(Principal={"AWS": "111111111111"})),
    ("the id of a deleted role", having(Principal={"AWS": ["AROAEXAMPLEDELETED00"]})),
    ("a canonical user", having(Principal={"CanonicalUser": "79a59df900b949e5"})),
    ("an empty Sid", having(Sid="")),
    ("Latin-1 in a Sid", having(Sid="Zugriff für Müller")),
    (
        "any script in a value",
        having(Condition={"StringEquals": {"aws:PrincipalTag/team": "観測"}}),
    ),
    (
        "numbers and truth values",
        having(Condition={"Bool": {"aws:x": True}, "NumericEquals": {"y": 1}}),
    ),
    ("operators in any case", having(Condition={"stringequals": {"aws:x": ["y"]}})),
    ("an empty condition", having(Condition={})),
    ("a statement of a key policy without a resource", without("Resource")),
    ("no actions", having(Action=[])),
]


@pytest.mark.parametrize("document", [case[1] for case in ACCEPTED], ids=[c[0] for c in ACCEPTED])
def test_what_aws_accepts_is_accepted(document):
    stated = document["Statement"]
    count = len(stated) if isinstance(stated, list) else 1
    as_text = json.dumps(document, ensure_ascii=False)
    assert len(Policy.parse(document, "p").statements) == count
    assert len(Policy.parse(as_text, "p").statements) == count
