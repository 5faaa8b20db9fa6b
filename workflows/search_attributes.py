"""The search attributes that every whistle carries: their names are in the histories, so they never change.

SQL visibility allows 10 Keyword and 3 of each other type in a namespace.
"""

WHISTLE_STATE = "WhistleState"
WHISTLE_KIND = "WhistleKind"
WHISTLE_URGENCY = "WhistleUrgency"
WHISTLE_CHAIN = "WhistleChain"
TOWNSHIP = "Township"
GRID = "Grid"
LEAD_DEPARTMENT = "LeadDepartment"
SOURCE_CHANNEL = "SourceChannel"
SUPERVISION_LEVEL = "SupervisionLevel"
RESPONDERS = "Responders"
OVERDUE_RESPONDERS = "OverdueResponders"
NEXT_DEADLINE = "NextDeadline"
BLOWN_AT = "BlownAt"
WHISTLE_VERSION = "WhistleVersion"

SEARCH_ATTRIBUTES: dict[str, str] = {
    WHISTLE_STATE: "Keyword",
    WHISTLE_KIND: "Keyword",
    WHISTLE_URGENCY: "Keyword",
    WHISTLE_CHAIN: "Keyword",
    TOWNSHIP: "Keyword",
    GRID: "Keyword",
    LEAD_DEPARTMENT: "Keyword",
    SOURCE_CHANNEL: "Keyword",
    SUPERVISION_LEVEL: "Keyword",
    RESPONDERS: "KeywordList",
    OVERDUE_RESPONDERS: "KeywordList",
    NEXT_DEADLINE: "Datetime",
    BLOWN_AT: "Datetime",
    WHISTLE_VERSION: "Int",
}
