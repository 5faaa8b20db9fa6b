"""The calendar a fresh system starts with: the State Council's notices as the package chinese_calendar holds them.

Only the days that a notice sets apart are listed; all others follow the week. An administrator imports later years.
"""

from chinese_calendar.constants import Holiday, holidays, workdays

from domain.working_time import CalendarDay

SOURCE = "国务院办公厅节假日安排通知 (chinesecalendar)"


def official_days() -> list[CalendarDay]:
    """List the days off and the make-up workdays (调休) of every year the package knows, in order."""
    off = [
        CalendarDay(date=day, workday=False, note=Holiday(name).chinese, source=SOURCE)
        for day, name in holidays.items()
    ]
    made_up = [
        CalendarDay(date=day, workday=True, note=f"{Holiday(name).chinese}调休", source=SOURCE)
        for day, name in workdays.items()
    ]
    return sorted(off + made_up, key=lambda day: day.date)
