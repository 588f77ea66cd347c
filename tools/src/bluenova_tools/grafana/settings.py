"""The dashboards' variables: the data source, the battery, and thresholds that a user can set."""

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    MatcherConfig,
    VariableModel,
    VariableOption,
    VariableRefresh,
)

from bluenova_tools.grafana.query import DATA_SOURCE, PLUGIN, Asked, named, table

Variable = Builder[VariableModel]

_BATTERIES = f"SELECT mcu_id AS __value, {named()} AS __text FROM battery_pack_latest ORDER BY 1"


def data_source() -> Variable:
    """The data source, chosen among all that speak PostgreSQL."""
    return DatasourceVariable("datasource").label("Data source").type(PLUGIN)


def battery() -> Variable:
    """The battery, one of those in the table."""
    return (
        QueryVariable("battery")
        .label("Battery")
        .datasource(DATA_SOURCE)
        .query(_BATTERIES)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )


def choice(name: str, label: str, *values: str) -> Variable:
    """One of a few values; the first is the default."""
    return (
        CustomVariable(name)
        .label(label)
        .values(",".join(values))
        .current(VariableOption(selected=True, text=values[0], value=values[0]))
        .options([VariableOption(selected=v == values[0], text=v, value=v) for v in values])
    )


def threshold(name: str, label: str, value: str) -> Variable:
    """A number that a user may overwrite on the page."""
    option = VariableOption(selected=True, text=value, value=value)
    return TextBoxVariable(name).label(label).default_value(value).current(option).options([option])


def silent() -> list[Variable]:
    """After how many seconds without a row a battery counts as silent: three intervals."""
    return [threshold("silent_s", "Silent after (s)", "30")]


def spreads() -> list[Variable]:
    """From which spread on a battery is marked: as Home Assistant's alarm, and well before it."""
    return [
        threshold("spread_warning_mv", "Spread: warning (mV)", "30"),
        threshold("spread_alarm_mv", "Spread: alarm (mV)", "100"),
    ]


def limits(ref_id: str, *variables: str) -> Asked:
    """A query for the values of up to two thresholds, for the panel itself."""
    named = zip(("warning", "alarm"), variables, strict=False)
    columns = ", ".join(
        f"nullif(${{{variable}:sqlstring}}, '')::FLOAT8 AS {column}" for column, variable in named
    )
    return table(f"SELECT -1e9::FLOAT8 AS base, {columns}", ref_id)


def coloured(ref_id: str, field: str | None = None) -> DataTransformerConfig:
    """Colours a field (or all numbers) by the answer of `limits`.

    A panel's own thresholds cannot be variables. The first one is what everything begins with.
    """
    colours = (("base", "green"), ("warning", "orange"), ("alarm", "red"))
    where = MatcherConfig(id_val="byName", options=field) if field else MatcherConfig("numeric")
    return DataTransformerConfig(
        id_val="configFromData",
        options={
            "configRefId": ref_id,
            "applyTo": where,
            "mappings": [
                {
                    "fieldName": name,
                    "handlerKey": "threshold1",
                    "reducerId": "lastNotNull",
                    "handlerArguments": {"threshold": {"color": colour}},
                }
                for name, colour in colours
            ],
        },
    )
