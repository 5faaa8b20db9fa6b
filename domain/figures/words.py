"""The words of the figures: what is measured, of whom, and why a row does not count."""

from domain.vocabulary.labelled import Labelled


class Figure(Labelled):
    """What is measured."""

    ARRIVAL = "ARRIVAL", "按时报到率"
    RESPONSE = "RESPONSE", "响应率"
    SOLVED = "SOLVED", "解决率"
    SATISFIED = "SATISFIED", "满意率"
    CLOSURE = "CLOSURE", "按期结案率"
    SCORE = "SCORE", "考核分"
    USE = "USE", "吹哨率"
    EFFECTIVE = "EFFECTIVE", "有效哨率"
    RETURNED = "RETURNED", "退回率"
    CANCELLED = "CANCELLED", "撤哨率"
    FALSE_EMERGENCY = "FALSE_EMERGENCY", "应急误哨率"
    REPEATED = "REPEATED", "重复吹哨率"


class Exclusion(Labelled):
    """Why a row leaves the denominator, or a part the scores (剔除)."""

    SELF_CHECK = "SELF_CHECK", "街乡自查"
    NOT_REACHED = "NOT_REACHED", "未接通"
    NOT_ANSWERED = "NOT_ANSWERED", "未作评价"
    APPEAL_UPHELD = "APPEAL_UPHELD", "申诉成立"
    OBJECTION_UPHELD = "OBJECTION_UPHELD", "异议成立"
    FALSE_ALARM = "FALSE_ALARM", "误哨"
    CALLED_OFF = "CALLED_OFF", "撤哨、并案或退回"
    SUSPENDED = "SUSPENDED", "挂账"
    REJECTED = "REJECTED", "不予受理"
    MERGED = "MERGED", "吹哨前并案"


ALWAYS = frozenset({Exclusion.SELF_CHECK, Exclusion.NOT_REACHED, Exclusion.NOT_ANSWERED})
"""What is no answer of the resident to the source never counts, whatever the catalogue says."""


class Side(Labelled):
    """Whose figure a row is: the township of the place, or a responder (its lead's, where it is of a whole round)."""

    TOWNSHIP = "TOWNSHIP", "街乡"
    RESPONDER = "RESPONDER", "报到单位"


class Item(Labelled):
    """The five items of a part's score."""

    SIGN = "SIGN", "签收"
    ARRIVAL = "ARRIVAL", "报到"
    HANDLING = "HANDLING", "按期处置"
    RESULT = "RESULT", "办理结果"
    COOPERATION = "COOPERATION", "配合情况"


class Deduction(Labelled):
    """What takes points away."""

    REWORK = "REWORK", "核查退回"
    UNFOUNDED_OBJECTION = "UNFOUNDED_OBJECTION", "异议不成立"
    FALSE_ARRIVAL = "FALSE_ARRIVAL", "报到不实"
    UNSOLVED = "UNSOLVED", "回访未解决或不满意"


RATES = (Figure.ARRIVAL, Figure.RESPONSE, Figure.SOLVED, Figure.SATISFIED, Figure.CLOSURE)
OVERUSE = (
    Figure.USE,
    Figure.EFFECTIVE,
    Figure.RETURNED,
    Figure.CANCELLED,
    Figure.FALSE_EMERGENCY,
    Figure.REPEATED,
)
