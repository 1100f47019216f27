"""Asking a Prometheus for samples over a range of time."""

import http.client
from dataclasses import dataclass
from math import isnan
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

SECONDS: Final = 60
"""That Prometheus may take for one answer."""


class PrometheusError(Exception):
    """Prometheus cannot be asked, or refuses the query; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to `end` (seconds since 1970), a sample every `step` seconds."""

    start: float
    end: float
    step: float


class Series(msgspec.Struct, frozen=True):
    """One series of an answer. Samples that are no numbers are left out."""

    labels: dict[str, str]
    times: list[float]
    values: list[float]


class _Result(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Result]


class _Answer(msgspec.Struct):
    status: str
    error: str = ""
    data: _Data | None = None


def ask(url: str, expr: str, over: Range) -> list[Series]:
    """Return the series that `expr` gives, those without any number left out.

    Raises:
        PrometheusError: there is no answer from `url`, or the query is refused.
    """
    form = urlencode({"query": expr, "start": over.start, "end": over.end, "step": over.step})
    answer = _post(url, "/api/v1/query_range", form)
    if answer.data is None:
        raise PrometheusError(f"Prometheus refuses {expr!r}: {answer.error}")
    found = []
    for result in answer.data.result:
        samples = [(time, number) for time, text in result.values if not isnan(number := float(text))]
        if samples:
            found.append(Series(result.metric, [time for time, _ in samples], [value for _, value in samples]))
    return found


def _post(url: str, path: str, form: str) -> _Answer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        header = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", parts.path.rstrip("/") + path, form, header)
        body = connection.getresponse().read()
        return msgspec.json.decode(body, type=_Answer)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise PrometheusError(f"no answer of Prometheus from {url}: {error!r}") from error
    finally:
        connection.close()
