"""Figures of CloudWatch, many with one request.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from threegrants.doctor.reader.clients import Place
from threegrants.evidence.snapshot import Item, Read, Unread

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_PERIOD = 300
_MOST_QUERIES = 500
"""In one request."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    Args:
        namespace: as `AWS/SQS`.
        name: as `ApproximateAgeOfOldestMessage`.
        dimensions: names and values.
        seconds: how far back, at least five minutes.
        greatest: the greatest value, None if there is none; otherwise the sum, 0 if there is none.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    seconds: int
    greatest: bool = False


Figures = Mapping[Metric, Item[float | None]]


def read_figures(place: Place, at: float, metrics: list[Metric]) -> Figures:
    """Each figure as it is now; all of them unread if CloudWatch does not answer.

    Args:
        place: the account and Region.
        at: now, in seconds since the epoch.
        metrics: what is asked for.
    """
    found: dict[Metric, Item[float | None]] = {}
    for start in range(0, len(metrics), _MOST_QUERIES):
        batch = metrics[start : start + _MOST_QUERIES]
        ask = partial(_values, at=at, metrics=batch)
        answer = place.ask("cloudwatch", "cloudwatch:GetMetricData", "*", ask)
        found |= (
            dict.fromkeys(batch, answer)
            if isinstance(answer, Unread)
            else dict(zip(batch, map(Read, answer.value), strict=True))
        )
    return found


def _values(client: "CloudWatchClient", at: float, metrics: list[Metric]) -> list[float | None]:
    end = datetime.fromtimestamp(at, UTC)
    queries = [_query(number, metric) for number, metric in enumerate(metrics)]
    points: dict[int, list[float]] = {}
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=end - timedelta(seconds=max(one.seconds for one in metrics)),
        EndTime=end,
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            number = int(result["Id"][1:])
            since = end - timedelta(seconds=metrics[number].seconds)
            points.setdefault(number, []).extend(
                value
                for time, value in zip(result["Timestamps"], result["Values"], strict=True)
                if time >= since
            )
    return [
        max(points.get(number, ()), default=None)
        if metric.greatest
        else sum(points.get(number, ()))
        for number, metric in enumerate(metrics)
    ]


def _query(number: int, metric: Metric) -> "MetricDataQueryTypeDef":
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": n, "Value": value} for n, value in metric.dimensions],
            },
            "Period": _PERIOD,
            "Stat": "Maximum" if metric.greatest else "Sum",
        },
    }
