"""What the running service says of itself, in its health file."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from bluenova_shared.check.result import Findings, ago
from bluenova_shared.health import DEAD_AFTER_S, judge

NAME = "service"


def look_at_service(findings: Findings, file: Path | None, service: str) -> Mapping[str, float]:
    """Adds `service`; returns the troubles that it has now, each with its seconds.

    `service` is its name in docker-compose.yml.
    """
    if file is None:
        findings.skipped(NAME, "HEALTH_FILE is not set: there is no telling whether it runs")
        return {}
    try:
        text = file.read_text()
        said, now_s = json.loads(text), time.monotonic()
        quiet_s = now_s - said["beat_s"]
        lasting = {name: now_s - at for name, at in said["since_s"].items() if at is not None}
        healthy, told = judge(text, now_s)
    except FileNotFoundError:
        findings.skipped(NAME, f"it does not run here: there is no {file}")
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        cure = f"Start it anew: docker compose restart {service}"
        findings.warning(NAME, f"{file} cannot be read ({error})", cure)
        return {}
    if quiet_s > DEAD_AFTER_S:
        findings.warning(
            NAME,
            f"it has ended or hangs: no sign of life for {ago(quiet_s)}",
            f"Start it: docker compose up -d {service}",
        )
        return {}
    see = f"See what is wrong here, and its log: docker compose logs --tail 20 {service}"
    if not healthy:
        findings.wrong(NAME, f"it runs, and says: {told}", see)
    elif lasting:
        findings.warning(NAME, f"it runs, and says: {told}", see)
    else:
        findings.ok(NAME, f"it runs, and says: {told}")
    return lasting
