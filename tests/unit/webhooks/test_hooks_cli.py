"""`whistle hooks check`: a mapping is tried before it is put in force."""

import json
from pathlib import Path

from typer.testing import CliRunner

from domain.errors import InvalidError
from starter.cli.hooks import app
from starter.mappings import SHIPPED

ORDER = {
    "工单编号": "1",
    "受理时间": "2026-11-24 09:31:05",
    "标题": "占道",
    "地址": "路口",
    "起因": "摆摊",
    "承办街乡": "金海湖镇",
}


def test_a_preview_shows_what_a_mapping_makes_of_a_message(tmp_path: Path):
    """Nothing runs, nothing is sent."""
    message = tmp_path / "message.json"
    message.write_text(json.dumps(ORDER), "utf-8")
    done = CliRunner().invoke(app, ["check", str(SHIPPED / "12345-work-order.toml"), str(message), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["registration"]["received_at"] == "2026-11-24T01:31:05Z"


def test_a_mapping_that_is_wrong_is_refused_with_every_problem(tmp_path: Path):
    """By file and field."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"name": "x", "source_systems": ["x"], "fields": {"titel": {"value": "x"}}}), "utf-8")
    done = CliRunner().invoke(app, ["check", str(wrong)])
    assert isinstance(done.exception, InvalidError)
    assert len(done.exception.errors) == 8
