"""What the gateway says of itself is true: the OpenAPI document, its page, and the how-to."""

import asyncio
import json
import os
import re
from pathlib import Path

from domain.commands import COMMANDS
from domain.registration import Registration
from starter.gateway import examples
from tests.integration.gateway.gate import CLERK, Gate

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "integrate.md"


async def test_the_how_to_runs_as_it_stands(gate: Gate):
    """Each block of docs/how-to/integrate.md, one after another in one shell, to a closed whistle."""
    blocks = re.findall(r"^```bash\n(.*?)^```", HOW_TO.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    script = "set -euo pipefail\n" + "\n".join(blocks)
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        env=os.environ | {"WHISTLE_DATA_DIR": str(gate.data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "\nCLOSED\n" in out.decode()


async def test_every_operation_documents_its_body_its_example_and_its_problems(gate: Gate):
    """Each command has a model of its own; every example is valid by the domain."""
    described = (await gate.http.get("/openapi.json")).json()
    for name, model in COMMANDS.items():
        operation = described["paths"][f"/v1/whistles/{{whistle_id}}/{name.replace('_', '-')}"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert content["schema"]["$ref"].endswith(f"/{model.__name__}")
        for example in content["examples"].values():
            model.model_validate(example["value"])
        assert {"401", "403", "404", "409", "413", "422", "429", "503"} <= set(operation["responses"])
    Registration.model_validate(examples.REGISTRATION)
    limit = next(p for p in described["paths"]["/v1/whistles"]["get"]["parameters"] if p["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 200)
    assert examples.SOON not in json.dumps(described)


async def test_every_link_leads_to_an_operation_by_all_that_its_path_needs(gate: Gate):
    """So that a client generator, or whoever follows them, arrives: a registered whistle leads to every command."""
    described = (await gate.http.get("/openapi.json")).json()["paths"]
    paths = {found["operationId"]: path for path, methods in described.items() for found in methods.values()}
    assert len(paths) == sum(map(len, described.values()))
    links = [
        (operation["operationId"], link)
        for methods in described.values()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    for _, link in links:
        assert set(re.findall(r"{(\w+)}", paths[link["operationId"]])) == set(link["parameters"])
    assert set(COMMANDS) <= {link["operationId"] for source, link in links if source == "register"}
    assert {source for source, _ in links} >= {"list_tasks", "create_webhook", "show_deliveries", "post_request_json"}


async def test_the_page_needs_no_script_and_no_other_host(gate: Gate):
    """Closed networks have neither."""
    answer = await gate.http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text
    assert not re.findall(r'(?:src|href)="(?!/)', answer.text)
    assert "/v1/whistles/{whistle_id}/report-handling" in answer.text


async def test_the_metrics_need_no_key_and_name_no_whistle(gate: Gate):
    """Counted by route."""
    whistle_id = await gate.register()
    await gate.get(CLERK, f"/v1/whistles/{whistle_id}")
    text = (await gate.http.get("/metrics")).text
    assert 'route="/v1/whistles/{whistle_id}",status="200"' in text
    assert whistle_id not in text
