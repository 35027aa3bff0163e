"""Start the embedded AWS, with one of its checks brought nearer to AWS's own.

Run by the interpreter that has MiniStack, which knows nothing of this project. MiniStack checks the
bucket policy of another account against the caller's *account*; AWS checks it against the caller,
so a statement that names a role would never admit that role. Here the same check of MiniStack's own
is asked about the caller's own ARN, which MiniStack has resolved from the request's signature.
"""

import sys
from dataclasses import replace
from typing import Any

from ministack.app import main
from ministack.core import iam_evaluator

_evaluate = iam_evaluator.evaluate_resource_policy


def _for_the_caller(document: Any, context: Any, *args: Any, **options: Any) -> Any:
    caller = iam_evaluator.caller_arn()
    account = f"arn:aws:iam::{context.principal_account}:root"
    same_account = f":{context.principal_account}:" in caller
    if context.principal_arn == account and caller != account and same_account:
        context = replace(context, principal_arn=caller, principal_type="AssumedRole")
    return _evaluate(document, context, *args, **options)


iam_evaluator.evaluate_resource_policy = _for_the_caller

if __name__ == "__main__":
    sys.exit(main())
