"""The windows over which monitors count, in buckets of five minutes.

A window holds the whole bucket in which it begins, so that it is never shorter than its name. Time is that of
records, which never goes back. Source: ADR-0011, ADR-0047.
"""

from datetime import datetime

BUCKET_SECONDS = 300
NAMES = ("1h", "24h", "7d", "30d", "12m")
_HOURS = (1, 24, 7 * 24, 30 * 24, 366 * 24)
WINDOWS = tuple(hours * 3600 // BUCKET_SECONDS for hours in _HOURS)
"""Lengths in buckets; twelve months are 366 days, never shorter than those of the calendar."""
HOUR, DAY, WEEK, MONTH, YEAR = range(5)
HOUR_BUCKETS = 3600 // BUCKET_SECONDS
DAY_BUCKETS = 24 * HOUR_BUCKETS


def bucket_of(moment: datetime) -> int:
    """The bucket that a moment lies in."""
    return int(moment.timestamp()) // BUCKET_SECONDS
