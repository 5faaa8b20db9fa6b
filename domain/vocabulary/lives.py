"""The words for a whistle and all that lives with it."""

from domain.vocabulary.labelled import Labelled


class Role(Labelled):
    """Who acts."""

    SOURCE_SYSTEM = "SOURCE_SYSTEM", "来源系统"
    GRID_WORKER = "GRID_WORKER", "网格员"
    TOWNSHIP_CLERK = "TOWNSHIP_CLERK", "街乡经办人"
    TOWNSHIP_LEADER = "TOWNSHIP_LEADER", "街乡主要负责人"
    DISTRICT_PLATFORM = "DISTRICT_PLATFORM", "区级平台"
    DEPARTMENT = "DEPARTMENT", "报到单位"
    ARBITER = "ARBITER", "争议裁定"
    SUPERVISOR = "SUPERVISOR", "督查部门"
    ADMIN = "ADMIN", "系统管理员"
    MEMBER = "MEMBER", "党员"
    ENGINE = "ENGINE", "系统"


class State(Labelled):
    """Where a whistle stands."""

    SOURCED = "SOURCED", "待研判"
    PROPOSED = "PROPOSED", "待审批"
    BLOWN = "BLOWN", "已吹哨待受理"
    ASSEMBLING = "ASSEMBLING", "待报到(集结中)"
    IN_ACTION = "IN_ACTION", "处置中"
    AWAITING_CHECK = "AWAITING_CHECK", "待核查"
    EVALUATING = "EVALUATING", "待评价"
    FEEDBACK = "FEEDBACK", "待反馈回访"
    CLOSED = "CLOSED", "已办结"
    RETURNED = "RETURNED", "已退回(待补正)"
    SUSPENDED = "SUSPENDED", "挂账(缓办)"
    SELF_HANDLED = "SELF_HANDLED", "街乡自办"
    MERGED = "MERGED", "已并案"
    REJECTED = "REJECTED", "不予受理"
    CANCELLED = "CANCELLED", "已撤哨"


class ReportInState(Labelled):
    """Where one responder stands."""

    NOTIFIED = "NOTIFIED", "待签收"
    SIGNED = "SIGNED", "已签收"
    ARRIVED = "ARRIVED", "已报到"
    HANDLED = "HANDLED", "已处置待核查"
    RELEASED = "RELEASED", "已撤离"
    EVALUATED = "EVALUATED", "已评价"
    OBJECTED = "OBJECTED", "异议待裁定"
    WITHDRAWN = "WITHDRAWN", "已改派"


class WhistleKind(Labelled):
    """What kind of whistle is blown."""

    DAILY = "DAILY", "管理哨"
    ENFORCEMENT = "ENFORCEMENT", "执法哨"
    EMERGENCY = "EMERGENCY", "应急哨"
    KEY_WORK = "KEY_WORK", "攻坚哨"
    SERVICE = "SERVICE", "服务哨"


class Urgency(Labelled):
    """How pressing the matter is."""

    NORMAL = "NORMAL", "一般"
    URGENT = "URGENT", "紧急"
    CRITICAL = "CRITICAL", "特急"


class Tier(Labelled):
    """The handling tier a township's triage advises."""

    GENERAL = "GENERAL", "一般性处置"
    GENERAL_ENFORCEMENT = "GENERAL_ENFORCEMENT", "一般性执法"
    COMPREHENSIVE = "COMPREHENSIVE", "综合执法"
    EMERGENCY_RESPONSE = "EMERGENCY_RESPONSE", "应急处突"


class Chain(Labelled):
    """Who may call whom (三协同, 村级, 支部)."""

    TOWNSHIP_CALLS = "TOWNSHIP_CALLS", "街乡吹哨、部门报到"
    VILLAGE_CALLS = "VILLAGE_CALLS", "村级吹哨、区镇报到"
    LEAD_DEPARTMENT_CALLS = "LEAD_DEPARTMENT_CALLS", "一门主责、部门配合"
    DEPARTMENT_REQUIRES = "DEPARTMENT_REQUIRES", "部门要求、街乡落实"
    BRANCH_CALLS = "BRANCH_CALLS", "支部吹哨、党员报到"


class SignalType(Labelled):
    """The five whistles, as signals with an audience."""

    STANDBY = "STANDBY", "预备哨"
    ASSEMBLE = "ASSEMBLE", "集结哨"
    CHARGE = "CHARGE", "冲锋哨"
    FINAL = "FINAL", "终场哨"
    SUPERVISE = "SUPERVISE", "监督哨"


class SourceChannel(Labelled):
    """Where a matter came from."""

    PATROL = "PATROL", "综合巡查队"
    GRID = "GRID", "网格员"
    HOTLINE_12345 = "HOTLINE_12345", "12345热线"
    LEADER = "LEADER", "区领导包乡镇"
    CADRE = "CADRE", "机关干部下沉"
    MEMBER = "MEMBER", "党员包片包户"
    APP_WECHAT = "APP_WECHAT", "微信/APP"
    PETITION = "PETITION", "信访"
    MEDIA = "MEDIA", "媒体"
    OTHER = "OTHER", "其他"


class DemandType(Labelled):
    """What the resident asks for (12345)."""

    CONSULTATION = "CONSULTATION", "咨询"
    REQUEST = "REQUEST", "求助"
    COMPLAINT = "COMPLAINT", "投诉"
    REPORT = "REPORT", "举报"
    SUGGESTION = "SUGGESTION", "建议"


class ResponderRole(Labelled):
    """A responder's part in the matter."""

    LEAD = "LEAD", "主责"
    COOPERATING = "COOPERATING", "配合"


class Outcome(Labelled):
    """How the matter came out; separate from its state."""

    RESOLVED = "RESOLVED", "已解决"
    PARTLY = "PARTLY", "部分解决"
    NOT_FEASIBLE = "NOT_FEASIBLE", "无法解决已说明"
    UNFOUNDED = "UNFOUNDED", "不属实"
    TRANSFERRED = "TRANSFERRED", "移交"
    CASE_FILED = "CASE_FILED", "已立案查处"
    DUPLICATE = "DUPLICATE", "重复并案"
    CANCELLED = "CANCELLED", "撤哨"


class TimeUnit(Labelled):
    """The unit of a time limit. SECOND belongs to the demo profile alone (ours)."""

    SECOND = "SECOND", "秒"
    MINUTE = "MINUTE", "分钟"
    EMERGENCY_HOUR = "EMERGENCY_HOUR", "紧急工作时"
    WORK_HOUR = "WORK_HOUR", "工作时"
    WORK_DAY = "WORK_DAY", "工作日"
    DAY = "DAY", "自然日"


class SupervisionLevel(Labelled):
    """The supervision ladder, lowest first."""

    NONE = "NONE", "无"
    REMIND = "REMIND", "提醒"
    URGE = "URGE", "催办"
    SUPERVISE = "SUPERVISE", "督办"
    CIRCULATE = "CIRCULATE", "通报批评"
    ACCOUNT = "ACCOUNT", "提请问责"

    @property
    def rank(self) -> int:
        """0 for NONE, 5 for ACCOUNT."""
        return list(type(self)).index(self)


class Phase(Labelled):
    """What a time limit limits: the column `phase` of the limits catalogue, and the kind of a clock."""

    REVIEW = "REVIEW", "研判"
    BLOW = "BLOW", "审批"
    ACCEPT = "ACCEPT", "受理"
    RESUBMIT = "RESUBMIT", "补正"
    SELF_HANDLING = "SELF_HANDLING", "自办"
    RATIFY = "RATIFY", "追认"
    SIGN = "SIGN", "签收"
    ARRIVE = "ARRIVE", "报到"
    ARRIVE_SECOND = "ARRIVE_SECOND", "报到第二时限"
    FIRST_REPORT = "FIRST_REPORT", "初报"
    START_ACTION = "START_ACTION", "转入处置"
    HANDLE = "HANDLE", "处置"
    OBJECT = "OBJECT", "异议"
    RULE = "RULE", "裁定"
    SUSPENSION_REVIEW = "SUSPENSION_REVIEW", "挂账复核"
    CHECK = "CHECK", "核查"
    EVALUATE = "EVALUATE", "评价"
    FEEDBACK = "FEEDBACK", "答复"
    CALLBACK = "CALLBACK", "回访"
    APPEAL = "APPEAL", "申诉"
    REOPEN = "REOPEN", "重新办理"
    SUPERVISE = "SUPERVISE", "逾期督办"
    CIRCULATE = "CIRCULATE", "提请通报"
    NOTICE_UNANSWERED = "NOTICE_UNANSWERED", "通知未应答"


class RequestKind(Labelled):
    """What is asked for and awaits a decision, with no clock of its own."""

    EXTENSION = "EXTENSION", "延期申请"
    SUSPENSION = "SUSPENSION", "挂账申请"
    APPEAL = "APPEAL", "评价申诉"


class Point(Labelled):
    """A moment of one clock, in the order they strike."""

    REMIND_HALF = "REMIND_HALF", "时限过半"
    REMIND_NEAR = "REMIND_NEAR", "时限将至"
    LIMIT = "LIMIT", "时限已到"
    SUPERVISE = "SUPERVISE", "逾期督办"
    CIRCULATE = "CIRCULATE", "提请通报"


class OrganisationType(Labelled):
    """What an organisation is."""

    TOWNSHIP = "TOWNSHIP", "街乡"
    BUREAU = "BUREAU", "委办局"
    DISPATCHED_AGENCY = "DISPATCHED_AGENCY", "派出机构"
    UTILITY = "UTILITY", "公共服务企业"
    VILLAGE = "VILLAGE", "村(社区)"
    BRANCH = "BRANCH", "党支部"
    POST = "POST", "党员岗位"
    DISTRICT = "DISTRICT", "区级机构"
