"""Who calls the API, as IAM says: read from the one part of the event that API Gateway writes. Pure.

That an event comes from API Gateway at all is known by a variable of the API's stage: whoever may invoke
the function can write any event, but does not know its value.
"""

import hmac
from collections.abc import Mapping
from typing import Any


def is_rest_event(event: Any) -> bool:
    """Whether an event has the shape that a REST API sends.

    The API is one; what has another shape (an HTTP API's, a function URL's, a schedule's) did not come
    through it.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
    """
    if not isinstance(event, Mapping) or event.get("version", "1.0") != "1.0":
        return False
    context = event.get("requestContext")
    named = all(isinstance(event.get(name), str) for name in ("httpMethod", "path"))
    return named and isinstance(context, Mapping) and "http" not in context


def is_from_the_api(event: Mapping[str, Any], secret: str) -> bool:
    """Whether the API's own stage sent an event.

    Args:
        event: a REST API's event.
        secret: the value of the stage's variable `secret`; an empty one is nobody's.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/stage-variables.html
    """
    variables = event.get("stageVariables")
    said = variables.get("secret") if isinstance(variables, Mapping) else None
    if not secret or not isinstance(said, str):
        return False
    return hmac.compare_digest(said.encode(errors="replace"), secret.encode())


def caller_arn(event: Mapping[str, Any]) -> str | None:
    """The ARN of who signed the request, in the caller's own account; None if IAM named nobody.

    API Gateway fills `requestContext.identity` in itself after it checked the signature. Nothing that
    a request carries (headers, query, body, path) and no other authorizer can write it.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    context = event.get("requestContext")
    identity = context.get("identity") if isinstance(context, Mapping) else None
    arn = identity.get("userArn") if isinstance(identity, Mapping) else None
    return arn if isinstance(arn, str) and arn else None
