"""SSM parameters and secrets, each kept for some seconds.

Powertools would ask with clients of sessions of its own. These are of boto3's default session, so no read
outlasts its function (`evidence/time_left.py`).
"""

from functools import cache

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider


@cache
def _ssm() -> SSMProvider:
    return SSMProvider(boto3_client=boto3.client("ssm"))


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider(boto3_client=boto3.client("secretsmanager"))


def ssm_parameter(name: str, max_age: int, *, decrypt: bool = False) -> str:
    """The value of an SSM parameter.

    Args:
        name: the parameter's name.
        max_age: for how long a value is kept, in seconds.
        decrypt: whether it is a SecureString.

    Raises:
        GetParameterError: if it cannot be read.
    """
    return str(_ssm().get(name, max_age=max_age, decrypt=decrypt))


def secret(name: str, max_age: int) -> str:
    """The text of a secret in Secrets Manager; arguments and errors as of `ssm_parameter`."""
    return str(_secrets().get(name, max_age=max_age))


def forget() -> None:
    """Forget the values and the clients."""
    _ssm.cache_clear()
    _secrets.cache_clear()
