"""From rows to figures."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bluenova_dashboard.figures.bars import energy_figure, resistance_figure
from bluenova_dashboard.figures.battery import battery_figure
from bluenova_dashboard.figures.buckets import columns
from bluenova_dashboard.figures.panels import band, wide
from bluenova_dashboard.ranges import Clock, Window

NOON = datetime(2026, 3, 10, 12)  # noqa: DTZ001  # the database's times are UTC and have no zone
MINUTE = timedelta(minutes=1)
CLOCK = Clock(
    Window(NOON.replace(tzinfo=UTC), (NOON + 30 * MINUTE).replace(tzinfo=UTC)),
    ZoneInfo("Europe/Berlin"),
)
QUANTITIES = "v_pack i_pack power soc temp v_cell_min v_cell_max spread".split()
GAP = {
    "gap_from": NOON + 10 * MINUTE,
    "gap_to": NOON + 15 * MINUTE,
    "gap": 5 * MINUTE,
    "cause": "battery lost",
}


def bucket(n: int, value: float | None = 3.3) -> dict[str, Any]:
    row: dict[str, Any] = {
        "bucket_utc": NOON + n * MINUTE,
        "row_count": None if value is None else 6,
    }
    for name in QUANTITIES:
        row |= {f"{name}_{kind}": value for kind in ("min", "mean", "max")}
    return row


def cell(n: int, number: int, deviation: float | None) -> dict[str, Any]:
    volts = None if deviation is None else 3.3 + deviation / 1000
    row: dict[str, Any] = {"bucket_utc": NOON + n * MINUTE, "cell": number}
    for kind in ("min", "mean", "max"):
        row |= {f"v_{kind}": volts, f"t_{kind}": 20.0, f"dev_{kind}": deviation}
    return row


def figure(gaps: list[dict[str, Any]], changes: list[dict[str, Any]]) -> dict[str, Any]:
    # The gap is from the tenth minute to the fifteenth.
    inside = range(10, 15) if gaps else range(0)
    series = [bucket(n, None if n in inside else 3.3) for n in range(30)]
    cells = [
        cell(n, number, None if n in inside else {1: 0.0, 2: -25.0, 3: 12.0}[number])
        for n in range(30)
        for number in (1, 2, 3)
    ]
    return battery_figure(series, cells, gaps, changes, CLOCK)


def trace(made: dict[str, Any], kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in made["data"] if one["type"] == kind]
    (one,) = found
    return one


def test_the_heat_map_has_the_deviations_on_a_scale_that_never_changes() -> None:
    heat = trace(figure([], []), "heatmap")
    assert (heat["zmin"], heat["zmax"]) == (-30, 30)
    assert [row[0] for row in heat["z"]] == [0.0, -25.0, 12.0]
    assert heat["x"][0] == "2026-03-10 13:00:30"  # the bucket's middle, in the site's zone


def test_the_lowest_and_the_highest_cell_are_coloured_and_the_others_grey() -> None:
    lines = {
        one.get("name"): one["line"].get("color") for one in figure([], [])["data"] if "line" in one
    }
    assert (lines["cell 01"], lines["cell 02"], lines["cell 03"]) == ("@grey", "@low", "@high")


def test_a_cell_that_is_low_at_one_time_and_high_at_another_is_coloured() -> None:
    # Its mean is that of a cell that never moves.
    swings = [-40.0, 40.0] * 15
    cells = [
        cell(n, number, {1: 0.0, 2: 5.0, 3: swings[n]}[number])
        for n in range(30)
        for number in (1, 2, 3)
    ]
    made = battery_figure([bucket(n) for n in range(30)], cells, [], [], CLOCK)
    coloured = {
        one["name"]: one["line"].get("color")
        for one in made["data"]
        if "line" in one and str(one.get("name")).startswith("cell")
    }
    assert coloured["cell 03"] == "@low"
    assert coloured["cell 02"] == "@high"


def test_a_gap_is_hatched_and_says_its_cause_and_nothing_is_drawn_in_it() -> None:
    made = figure([GAP], [])
    (hatched,) = [one for one in made["data"] if one.get("name") == "gaps"]
    assert hatched["x"][1:3] == ["2026-03-10 13:10:00", "2026-03-10 13:15:00"]
    assert any("battery lost" in note["text"] for note in made["layout"]["annotations"])
    heat = trace(made, "heatmap")
    assert heat["z"][1][heat["x"].index("2026-03-10 13:12:30")] is None


def test_the_axis_of_time_stands_below_all_charts_also_without_gaps() -> None:
    made = figure([], [])
    assert made["layout"]["xaxis"]["anchor"] == "y"
    assert made["layout"]["yaxis"]["domain"] == [0, 1]
    assert [len(one["x"]) for one in made["data"] if one["yaxis"] == "y"] == [1]


def test_no_area_runs_through_a_gap() -> None:
    inside = "2026-03-10 13:12:30"
    for one in figure([GAP], [])["data"]:
        if one.get("fill") and one.get("name") != "gaps":
            times = [time for time in one["x"] if time]
            assert not min(times) < inside < max(times)


def test_buckets_without_rows_that_are_no_gap_are_left_out() -> None:
    """With an interval of 30 s and buckets of 10 s, two of three are empty."""
    found = columns([bucket(n, 3.3 if n % 3 == 0 else None) for n in range(9)], [])
    assert found["soc_mean"] == [3.3, 3.3, 3.3]


def test_an_error_is_marked_through_all_charts() -> None:
    change = {
        "name": "errors", "value": "CELL LOW V", "began": NOON + 3 * MINUTE, "duration": MINUTE,
        "ended": NOON + 4 * MINUTE, "last_seen": NOON + 4 * MINUTE, "began_before": False,
    }  # fmt: skip
    healthy = change | {"value": "", "began": NOON}
    made = figure([], [healthy, change])
    (line,) = made["layout"]["shapes"]
    assert line["x0"] == "2026-03-10 13:03:00"
    assert (line["y0"], line["y1"]) == (0, 1)


def test_an_axis_shows_a_small_difference_and_does_not_blow_up_a_tiny_one() -> None:
    low, high = wide([3.31, 3.35], 0.02)
    assert 3.29 < low < 3.31
    assert 3.35 < high < 3.37
    assert wide([3.3, 3.3], 0.02) == [3.29, 3.31]
    assert wide([], 4) == [0, 4]


def test_a_band_ends_where_nothing_is_known() -> None:
    areas = band(["a", "b", "c", "d"], [1, None, 2, 3], [2, None, 3, 4], "y2", "@band")
    assert [area["x"] for area in areas] == [["a", "a"], ["c", "d", "d", "c"]]


def test_a_figure_is_json_that_a_browser_reads() -> None:
    json.dumps(figure([GAP], []), allow_nan=False)


def test_without_rows_there_is_still_a_figure() -> None:
    json.dumps(battery_figure([], [], [], [], CLOCK), allow_nan=False)


def test_energy_out_goes_down_and_what_is_unknown_stays_unknown() -> None:
    rows = [{"energy_in": 2.0, "energy_out": 1.5, "integral_in": None, "integral_out": 1.4}]
    up, down, told, _ = energy_figure(rows, ["Mon"])["data"]
    assert (up["y"], down["y"], told["y"]) == ([2.0], [-1.5], [None])


def test_the_cell_with_the_highest_resistance_stands_out() -> None:
    rows = [{"cell": n, "resistance": r} for n, r in ((1, 1.0), (2, 1.7), (3, None))]
    (bars,) = resistance_figure(rows)["data"]
    assert bars["y"] == [0.0, 70.0]
    assert bars["marker"]["color"] == ["@grey", "@high"]
