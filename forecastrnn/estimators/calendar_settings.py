"""What is asked of the calendar in the constructor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecastrnn.estimators.groups.calendars import Calendar, opened_calendar
from forecastrnn.estimators.named_parameters import NamedParameters

if TYPE_CHECKING:
    from forecastrnn.data.calendar import CalendarOptions


def calendar_of(forecaster: NamedParameters) -> CalendarOptions | None:
    """What networks are to read of dates; None: nothing."""
    asked = opened_calendar(forecaster.calendar)
    if not isinstance(asked, Calendar):
        return None
    from forecastrnn.data.calendar import CalendarOptions
    from forecastrnn.data.holiday_dates import HolidayOptions

    holidays = asked.opened("holidays", {})
    chosen = None if holidays is None else HolidayOptions(**vars(holidays))
    return CalendarOptions(features=asked.features, holidays=chosen, events=asked.events)
