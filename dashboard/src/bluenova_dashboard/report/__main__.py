"""`bluenova-report`: the charts and tables of a battery and a range, as one HTML file."""

import asyncio
import sys
from datetime import UTC, datetime

from bluenova_dashboard.asked import BadRequest, read_mcu_id
from bluenova_dashboard.database import Database, Unavailable
from bluenova_dashboard.questions import Questions
from bluenova_dashboard.ranges import BadRange, choose
from bluenova_dashboard.report.document import report
from bluenova_dashboard.settings import ReportSettings
from bluenova_dashboard.views import NoSuchBattery, Site
from bluenova_dashboard.words import battery_name
from bluenova_shared import service
from bluenova_shared.service import CannotRun


async def write(arguments: list[str]) -> None:
    """Writes the report that the command line asks for. Raises CannotRun."""
    settings = ReportSettings.load(arguments)
    database = Database(settings.account().connect, timeout_s=60)
    now = datetime.now(UTC)
    site = Site(Questions(database, settings.tz), settings.zone(), lambda: now)
    own = settings.begin or settings.end
    try:
        window = choose(
            now, site.zone, None if own else settings.range, settings.begin, settings.end
        )
        mcu_id = read_mcu_id(settings.battery) if settings.battery else _only_battery(site)
        text = await asyncio.to_thread(report, site, mcu_id, window)
    except (BadRange, BadRequest, Unavailable) as reason:
        raise CannotRun(str(reason)) from None
    except NoSuchBattery as name:
        raise CannotRun(f"There is no row of a battery {name}.") from None
    finally:
        database.close()
    if settings.output is None or str(settings.output) == "-":
        sys.stdout.buffer.write(text.encode())
        return
    try:
        settings.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotRun(
            f"{str(settings.output)!r} cannot be written ({error.strerror}). Name another --output."
        ) from None


def _only_battery(site: Site) -> int:
    batteries = site.questions.batteries()
    if len(batteries) == 1:
        return batteries[0]
    if not batteries:
        raise CannotRun("There are no rows yet, and so nothing to report.")
    names = ", ".join(map(battery_name, batteries))
    raise CannotRun(f"There are several batteries: say which with --battery, one of {names}.")


def main() -> int:
    """Writes a report; the command line says which."""
    return service.main("bluenova-report", write)


if __name__ == "__main__":
    sys.exit(main())
