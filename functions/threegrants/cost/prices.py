"""Prices of AWS, in US dollars without tax, in us-east-1; no free tier is taken off.

Noted on 27 November 2026 from price lists published in 2026. Other Regions differ, and so may AWS's pages by
now: each price names its page, and a file of one's own takes their place (`threegrants cost --prices`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

AS_OF = "2026-11-27"
REGION = "us-east-1"


class PriceError(ValueError):
    """A file of prices that cannot be used: what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Price:
    """One price.

    Args:
        usd: US dollars for `units` of it.
        units: how many the price is for.
        unit: what is counted.
        source: AWS's page.
    """

    usd: float
    units: int
    unit: str
    source: str

    def of(self, quantity: float) -> float:
        """US dollars for a quantity."""
        return quantity * self.usd / self.units


_MILLION = 1_000_000
_APPCONFIG = "https://aws.amazon.com/systems-manager/pricing/"
_CLOUDTRAIL = "https://aws.amazon.com/cloudtrail/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_EVENTBRIDGE = "https://aws.amazon.com/eventbridge/pricing/"
_KMS = "https://aws.amazon.com/kms/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_S3 = "https://aws.amazon.com/s3/pricing/"
_SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"
_SNS = "https://aws.amazon.com/sns/pricing/"
_SQS = "https://aws.amazon.com/sqs/pricing/"
_XRAY = "https://aws.amazon.com/xray/pricing/"

PRICES: Mapping[str, Price] = {
    "cloudtrail_data_events": Price(0.10, 100_000, "data events", _CLOUDTRAIL),
    "s3_storage": Price(0.023, 1, "GB-months", _S3),
    "eventbridge_sent": Price(1.00, _MILLION, "events sent on", _EVENTBRIDGE),
    "scheduler": Price(1.00, _MILLION, "scheduled calls", _EVENTBRIDGE),
    "sqs_requests": Price(0.40, _MILLION, "requests", _SQS),
    "lambda_requests": Price(0.20, _MILLION, "calls", _LAMBDA),
    "lambda_arm_gb_seconds": Price(0.0000133334, 1, "GB-seconds (arm64)", _LAMBDA),
    "dynamodb_writes": Price(0.625, _MILLION, "write units", _DYNAMODB),
    "dynamodb_reads": Price(0.125, _MILLION, "read units", _DYNAMODB),
    "sns_emails": Price(2.00, 100_000, "e-mails", _SNS),
    "kms_keys": Price(1.00, 1, "keys", _KMS),
    "kms_requests": Price(0.03, 10_000, "requests", _KMS),
    "secrets": Price(0.40, 1, "secrets", _SECRETS),
    "alarms": Price(0.10, 1, "alarms", _CLOUDWATCH),
    "dashboards": Price(3.00, 1, "dashboards", _CLOUDWATCH),
    "metrics": Price(0.30, 1, "metrics", _CLOUDWATCH),
    "logs": Price(0.50, 1, "GB of logs", _CLOUDWATCH),
    "appconfig_requests": Price(0.20, _MILLION, "requests", _APPCONFIG),
    "appconfig_received": Price(0.0008, 1, "configurations", _APPCONFIG),
    "traces": Price(5.00, _MILLION, "traces", _XRAY),
}


def with_prices(text: str) -> Mapping[str, Price]:
    """The prices, with those of a JSON object in their place: `{"kms_keys": 1.00}`, by the same units.

    Raises:
        PriceError: naming the key, and what is wanted.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PriceError(f"prices are no JSON: {error}") from error
    if not isinstance(given, dict):
        raise PriceError('wanted a JSON object, such as {"kms_keys": 1.00}')
    for name, usd in given.items():
        if name not in PRICES:
            raise PriceError(f"there is no price {name!r}; there are {', '.join(PRICES)}")
        if isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd < _MILLION:
            raise PriceError(f"{name} is {usd!r}; wanted US dollars for {PRICES[name].units:,}")
    return {
        name: replace(price, usd=float(given.get(name, price.usd)))
        for name, price in PRICES.items()
    }
