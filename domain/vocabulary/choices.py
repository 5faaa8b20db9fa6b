"""The words that a command chooses among."""

from domain.vocabulary.labelled import Labelled


class ObjectionReason(Labelled):
    """Why a responder disputes its dispatch."""

    NOT_MY_POWER = "NOT_MY_POWER", "职能不符"
    NOT_MY_AREA = "NOT_MY_AREA", "属地不符"
    OWNER_UNCLEAR = "OWNER_UNCLEAR", "权属不清"
    OVERLAP = "OVERLAP", "职能交叉"
    NO_BASIS = "NO_BASIS", "无执法依据"
    DUPLICATE = "DUPLICATE", "重复"


class ReviewDecision(Labelled):
    """What a township's review decides."""

    WHISTLE = "WHISTLE", "吹哨"
    SELF_HANDLE = "SELF_HANDLE", "自办"
    MERGE = "MERGE", "并案"
    TRANSFER = "TRANSFER", "转送其他街乡"
    REJECT = "REJECT", "不予受理"


class Rejection(Labelled):
    """Why a matter is refused at review."""

    NOT_OUR_AREA = "NOT_OUR_AREA", "不属本区"
    OUT_OF_SCOPE = "OUT_OF_SCOPE", "不属受理范围"
    UNFOUNDED = "UNFOUNDED", "不属实"
    JUDICIAL = "JUDICIAL", "已入司法程序"


class ReturnReason(Labelled):
    """Why the platform returns a whistle."""

    INCOMPLETE = "INCOMPLETE", "要素不全"
    WITHIN_TOWNSHIP_POWER = "WITHIN_TOWNSHIP_POWER", "属街乡职权"
    DUPLICATE = "DUPLICATE", "重复吹哨"


class AppendKind(Labelled):
    """What is added to a whistle."""

    MORE = "MORE", "补充情况"
    REPEATED_CALL = "REPEATED_CALL", "重复来电"
    WITHDRAWN_BY_REPORTER = "WITHDRAWN_BY_REPORTER", "诉求人撤诉"


class ExtensionPhase(Labelled):
    """Which limit an extension moves."""

    ARRIVAL = "ARRIVAL", "报到"
    HANDLING = "HANDLING", "处置"


class Ruling(Labelled):
    """An arbiter's ruling on an objection."""

    UPHELD = "UPHELD", "异议成立"
    OVERRULED = "OVERRULED", "异议不成立"


class HandlingResult(Labelled):
    """What one responder's handling came to."""

    RESOLVED = "RESOLVED", "已解决"
    PARTLY = "PARTLY", "部分解决"
    NOT_FEASIBLE = "NOT_FEASIBLE", "无法解决"
    CASE_FILED = "CASE_FILED", "已立案"


class ReplyVia(Labelled):
    """How the resident was answered."""

    PHONE = "PHONE", "电话"
    SMS = "SMS", "短信"
    WECHAT = "WECHAT", "微信"
    APP = "APP", "APP"
    VISIT = "VISIT", "上门"


class Satisfaction(Labelled):
    """The resident's word at callback (12345)."""

    SATISFIED = "SATISFIED", "满意"
    FAIR = "FAIR", "基本满意"
    DISSATISFIED = "DISSATISFIED", "不满意"


class EvidenceKind(Labelled):
    """What a piece of evidence shows."""

    SIGN_IN = "SIGN_IN", "签到"
    BEFORE = "BEFORE", "处置前"
    DURING = "DURING", "处置中"
    AFTER = "AFTER", "处置后"
    OTHER = "OTHER", "其他"


class CoordinateSystem(Labelled):
    """The reference system of a coordinate pair."""

    GCJ02 = "GCJ02", "国测局坐标"
    WGS84 = "WGS84", "WGS84"
    CGCS2000 = "CGCS2000", "国家2000"
