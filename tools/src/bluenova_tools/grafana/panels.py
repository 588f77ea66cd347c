"""The kinds of panels, each with the legend, tooltip and look that all pages share."""

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    heatmap,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TableAutoCellOptions,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale

from bluenova_tools.grafana.query import DATA_SOURCE, Asked

# A value that no cell has: the heat map would draw null in the colour of 0, and hides this.
UNKNOWN = -1000
_POINTS = 800
# Of each cell: enough for a screen, and over a year days answer, which is far quicker than hours.
CELL_POINTS = 360


def _legend(*calculated: str) -> common.VizLegendOptions:
    shown = LegendDisplayMode.TABLE if calculated else LegendDisplayMode.LIST
    return (
        common.VizLegendOptions()
        .display_mode(shown)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(list(calculated))
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def over_time(
    title: str, *queries: Asked, unit: str, width: int = 24, height: int = 9
) -> timeseries.Panel:
    """Lines over time. Where there is nothing known there is no line."""
    return (
        timeseries.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets(list(queries))
        .unit(unit)
        .span(width)
        .height(height)
        .max_data_points(_POINTS)
        .legend(_legend())
        .tooltip(_tooltip())
        .line_width(1)
        .fill_opacity(0)
        .show_points(VisibilityMode.NEVER)
        .span_nulls(False)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    )


def with_limits(panel: timeseries.Panel) -> timeseries.Panel:
    """Draws a panel's thresholds as dashed lines."""
    return panel.thresholds_style(
        common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    )


def bars(
    title: str, query: Asked, *, unit: str, width: int = 12, height: int = 9
) -> barchart.Panel:
    """Bars beside each other, by the texts of the first column."""
    return (
        barchart.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets([query])
        .unit(unit)
        .span(width)
        .height(height)
        .legend(_legend())
        .tooltip(_tooltip())
        .show_value(VisibilityMode.NEVER)
        .fill_opacity(80)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    )


def values(
    title: str, *queries: Asked, fields: str = "", width: int = 24, height: int = 4
) -> stat.Panel:
    """The values of one row, large; `fields` chooses which, else all numbers."""
    return (
        stat.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets(list(queries))
        .span(width)
        .height(height)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(
            common.ReduceDataOptions().calcs(["lastNotNull"]).fields(fields).values(False)
        )
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .no_value("—")
    )


def rows(title: str, *queries: Asked, width: int = 24, height: int = 8) -> table.Panel:
    """A table."""
    return (
        table.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets(list(queries))
        .span(width)
        .height(height)
        .filterable(True)
        .cell_options(TableAutoCellOptions())
        .no_value("—")
    )


def states(title: str, *queries: Asked, width: int = 24, height: int = 6) -> statetimeline.Panel:
    """What several things said, as coloured stretches over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets(list(queries))
        .span(width)
        .height(height)
        .merge_values(True)
        .show_value(VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(_tooltip())
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    )


def heat(title: str, query: Asked, *, limit: float, unit: str, height: int = 12) -> heatmap.Panel:
    """A row of colours for each series, from `-limit` (blue) to `limit` (red), always the same."""
    colours = (
        heatmap.HeatmapColorOptions()
        .mode(HeatmapColorMode.SCHEME)
        .scheme("RdYlBu")  # Grafana turns it round: blue is low
        .fill("dark-orange")
        .scale(HeatmapColorScale.LINEAR)
        .exponent(0.5)
        .steps(64)
        .reverse(False)
        .min(-limit)
        .max(limit)
    )
    return (
        heatmap.Panel()
        .title(title)
        .datasource(DATA_SOURCE)
        .targets([query])
        .span(24)
        .height(height)
        .max_data_points(CELL_POINTS)
        .calculate(False)
        .color(colours)
        .filter_values(heatmap.FilterValueRange().le(UNKNOWN + 1))
        .cell_gap(0)
        .cell_values(heatmap.CellValues().unit(unit).decimals(1))
        .y_axis(heatmap.YAxisConfig().reverse(True))
        .show_value(VisibilityMode.NEVER)
        .show_legend()
        .tooltip(heatmap.HeatmapTooltip().mode(TooltipDisplayMode.SINGLE).show_color_scale(True))
    )


def property_(name: str, value: object) -> DynamicConfigValue:
    """One property of a field, for `override_by_name`."""
    return DynamicConfigValue(id_val=name, value=value)


def look(unit: str = "", decimals: int | None = None, **more: object) -> list[DynamicConfigValue]:
    """The unit and decimals of a field, and what `more` says; `custom_x` is `custom.x`."""
    found = [property_("unit", unit)] if unit else []
    if decimals is not None:
        found.append(property_("decimals", decimals))
    return found + [property_(key.replace("custom_", "custom."), v) for key, v in more.items()]
