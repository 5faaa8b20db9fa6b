"""A report as a chart: horizontal bars in plain SVG, drawn here so that nothing need be installed."""

from xml.sax.saxutils import escape

from domain.figures.tables import Cell, Column, Report
from domain.working_time import BEIJING

SVG_TYPE = "image/svg+xml"
MOST_BARS = 60
_WIDTH, _LEFT, _BAR, _GAP, _TOP = 820, 220, 18, 8, 64
_ROOM = _WIDTH - _LEFT - 150
_LONGEST_LABEL = 16
_HUNDRED = 100.0


def svg_of(report: Report) -> str:
    """Draw the charted column of a report, the best first; bars beyond 60 are left out and said to be."""
    column = next((c for c in report.columns if c.key == report.charted), None)
    bars = [item for item in report.items if column and item.get(column.key) is not None]
    shown = bars[:MOST_BARS]
    left_out = f";另有 {len(bars) - len(shown)} 家未画出 not drawn" if len(bars) > len(shown) else ""
    height = _TOP + len(shown) * (_BAR + _GAP) + 48
    as_of = report.as_of.astimezone(BEIJING)
    foot = f"规则 rules {report.rules},截至 as of {as_of:%Y-%m-%d %H:%M}(北京时间){left_out}"
    values = [_number(item.get(column.key)) if column else 0.0 for item in shown]
    longest = max([_HUNDRED, *values])
    drawn = [
        _bar(_TOP + number * (_BAR + _GAP), _label(item), (_ROOM * value / longest, _told(item, column, value)))
        for number, (item, value) in enumerate(zip(shown, values, strict=True))
    ]
    last = f'<text x="16" y="{height - 16}" fill="#555555" font-size="11">{escape(foot)}</text>'
    return "\n".join([_head(report, column, height), *drawn, last, "</svg>"]) + "\n"


def _head(report: Report, column: Column | None, height: int) -> str:
    title = escape(report.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="16" y="26" font-size="16" font-weight="bold">{title}</text>\n'
        f'<text x="16" y="46" fill="#555555">{escape(_subtitle(report, column))}</text>'
    )


def _label(item: dict[str, Cell]) -> str:
    rank = f"{item['rank']}{'=' if item.get('tied') else ''}. " if item.get("rank") else ""
    return f"{rank}{item.get('name') or item.get('organisation') or ''}"


def _told(item: dict[str, Cell], column: Column | None, value: float) -> str:
    """Write a value, and what a rate is made of."""
    key = column.key if column else ""
    of = item.get(f"{key}_denominator")
    return f"{value:.2f}" if of is None else f"{value:.2f} ({item.get(f'{key}_numerator')}/{of})"


def _bar(y: int, label: str, shown: tuple[float, str]) -> str:
    middle, (width, told) = y + _BAR - 5, shown
    short = label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
    return (
        f"<g><title>{escape(label)}</title>"
        f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(short)}</text>'
        f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="#2f6f9f"/>'
        f'<text x="{_LEFT + width + 6:.1f}" y="{middle}">{told}</text></g>'
    )


def _subtitle(report: Report, column: Column | None) -> str:
    shown = column.label if column else "无数据 nothing to show"
    filters = "; ".join(f"{name} {value}" for name, value in report.filters.items())
    return f"{shown},{report.period}" + (f"({filters})" if filters else "")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
