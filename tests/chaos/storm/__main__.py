"""`make chaos`: storms by seed, one after another; says what was done and proved, and fails where anything was not."""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.chaos.storm.course import storm
from tests.chaos.storm.grounds import grounds
from tests.chaos.storm.overload import overload
from tests.chaos.storm.verdict import Verdict

WHISTLES, LENGTH_S, FLOOD_S = 200, 90.0, 15.0
BOUND_S = 600.0
_SHOWN = 20


def main() -> int:
    """Run the storms that the command line asks for, and give the exit code."""
    asked = _arguments()
    first = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    last = first + asked.seeds - 1
    failed = [seed for seed in range(first, last + 1) if not _passed(seed, asked, floods=seed == last)]
    print(f"==> {asked.seeds - len(failed)} of {asked.seeds} passed", *(["; failed:", *failed] if failed else []))
    return 1 if failed else 0


def _passed(seed: int, asked: argparse.Namespace, *, floods: bool) -> bool:
    print(f"==> SEED={seed}: {asked.whistles} whistles, {asked.length:g} s of storm", flush=True)
    began = time.monotonic()
    try:
        breaches = asyncio.run(_breaches(seed, asked, floods=floods))
    except Exception:  # noqa: BLE001 - shown, and told by the code
        traceback.print_exc()
        breaches = ["it did not come to its end"]
    for breach in breaches[:_SHOWN]:
        print(f"✗ {breach}")
    print(f"==> SEED={seed} {'failed' if breaches else 'passed'} after {time.monotonic() - began:.0f} s", flush=True)
    return not breaches


async def _breaches(seed: int, asked: argparse.Namespace, *, floods: bool) -> list[str]:
    async with asyncio.timeout(BOUND_S), grounds(seed, keep=asked.keep) as here:
        if asked.keep:
            _say(f"everything is kept in {here.stack.data_dir}")
        verdicts = list[Verdict]()
        passed = False
        try:
            verdicts.append(await storm(here, seed, asked.whistles, asked.length, _say))
            if floods and asked.flood:
                _say("ten times what the gateway can serve")
                verdicts.append(await overload(here, asked.flood))
            breaches = [breach for verdict in verdicts for breach in verdict.breaches]
            passed = not breaches
        finally:
            # Also where the time was up, which ends it by a cancellation.
            if not passed:
                _keep_logs(here.stack.log_folder, seed)
    for verdict in verdicts:
        print("\n".join(f"{key}={value}" for key, value in verdict.figures.items()), flush=True)
    return breaches


def _keep_logs(folder: Path, seed: int) -> None:
    kept = tempfile.mkdtemp(prefix=f"whistle-storm-{seed}-")
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    _say(f"what everything logged is kept in {kept}")


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, help="of the first storm; by default any")
    parser.add_argument("--seeds", type=int, default=1, help="how many storms, one seed after another")
    parser.add_argument("--whistles", type=int, default=WHISTLES)
    parser.add_argument("--length", type=float, default=LENGTH_S, help="seconds of storm")
    parser.add_argument("--flood", type=float, default=FLOOD_S, help="seconds of overload after the last; 0: none")
    parser.add_argument("--keep", action="store_true", help="the folder with its databases and logs")
    return parser.parse_args()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter's own exit sometimes aborts (sdk-python#300).
    os._exit(code)
