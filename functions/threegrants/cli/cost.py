"""`threegrants cost`: what the service costs a month, from a table of prices; no AWS is asked."""

import json
from typing import Any, TextIO

import click

from threegrants.cli.failure import Failure
from threegrants.cli.options import FORMAT
from threegrants.cost import Estimate, PriceError, Usage, estimate, with_prices
from threegrants.cost.prices import AS_OF, REGION

_MILLION = 1_000_000
_WHOLE = 100
"""From here on parts of one say nothing."""
_COUNT = click.IntRange(0, 10**15)


@click.command()
@click.option("--denials", type=_COUNT, default=0, help="Denied calls a month.")
@click.option(
    "--data-events", type=_COUNT, default=0, help="S3 data events a month that the trails log."
)
@click.option("--accounts", type=_COUNT, default=2, show_default=True, help="Member accounts.")
@click.option("--emails", type=_COUNT, default=1, show_default=True, help="Addresses for alerts.")
@click.option(
    "--prices",
    type=click.File(encoding="utf-8"),
    help='A JSON file with prices of your own, such as {"kms_keys": 1.00}; - for standard input.',
)
@FORMAT
def cost(
    denials: int,
    data_events: int,
    accounts: int,
    emails: int,
    prices: TextIO | None,
    output_format: str,
) -> None:
    """What a month costs: idle, for your denials and data events, and for a million denials."""
    try:
        known = with_prices(prices.read() if prices else "{}")
    except (PriceError, ValueError) as error:
        raise Failure(str(error)) from error
    found = estimate(Usage(denials, data_events, accounts, emails), known)
    million = estimate(Usage(_MILLION, 0, accounts, emails), known).used
    click.echo(_as_json(found, million) if output_format == "json" else _as_text(found, million))


def _as_json(found: Estimate, million: float) -> str:
    lines: list[dict[str, Any]] = [
        {
            "what": line.what,
            "quantity": round(line.quantity, 3),
            "unit": line.price.unit,
            "usd": round(line.usd, 4),
            "idle": line.is_idle,
            "source": line.price.source,
        }
        for line in found.lines
    ]
    totals = {
        "idle": round(found.idle, 2),
        "used": round(found.used, 2),
        "month": round(found.idle + found.used, 2),
        "million_denials": round(million, 2),
    }
    return json.dumps({"region": REGION, "as_of": AS_OF, "usd": totals, "lines": lines}, indent=2)


def _as_text(found: Estimate, million: float) -> str:
    usage = found.usage
    out = [
        f"A month in US dollars ({REGION}, prices of {AS_OF}, without tax and free tiers):",
        f"{usage.denials:,} denials, {usage.data_events:,} data events, {usage.accounts:,} accounts",
        "",
    ]
    for line in found.lines:
        if line.quantity:
            amount = f"{line.quantity:,.0f}" if line.quantity >= _WHOLE else f"{line.quantity:.3g}"
            out.append(f"{line.usd:12,.2f}  {line.what}: {amount} {line.price.unit}")
    return "\n".join(
        [
            *out,
            "",
            f"{found.idle:12,.2f}  idle",
            f"{found.used:12,.2f}  for these denials and data events",
            f"{found.idle + found.used:12,.2f}  together",
            f"{million:12,.2f}  for each million denials (data events apart)",
        ]
    )
