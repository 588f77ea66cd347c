"""The marks of the Snapshot's fields: console line, column in the table, sensor. Pure."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bluenova_shared.readings import Reader, Value

# The largest value that PostgreSQL's REAL takes; its SMALLINT is a signed 16-bit number.
REAL_MAX = 3.4028234663852886e38
SMALLINT_MAX = 32767
# Between these a real battery's values lie; what is beyond is a sentinel, as 255 and -127 are.
CELL_V = (0, 4.999)
PACK_V = (0, 99.999)
CELSIUS = (-60, 125)


@dataclass(frozen=True)
class Column:
    """The column of a value in `battery_pack`: its SQL type, and its number of decimals.

    The console's rules round a number, and so does who reads a message that others may have
    written. The Snapshot does not: to round in each takes the recorder longer than all the rest.
    """

    sql_type: str
    decimals: int | None = None

    def rounded(self, value: Value) -> Value:
        """Returns the value as the table holds it."""
        if self.decimals is None or not isinstance(value, float):
            return value
        # Adding 0.0 turns -0.0 into 0.0.
        return round(value, self.decimals) + 0.0


@dataclass(frozen=True)
class Series:
    """An array in the JSON that has `count` columns in the table, numbered from `first`.

    In the name of the columns `{}` stands for the number. A `per_cell` array has a value for each
    cell; a battery may have fewer cells than the array has room for.
    """

    count: int
    first: int
    column: str
    per_cell: bool = False


@dataclass(frozen=True)
class Line:
    """The console line with the value: its prefix, and how the text after it is read.

    In the prefix of a Series `{}` stands for the number. A value that is not `between` these two is
    a sentinel, and so unreadable. A line that `varies` is hardly ever said twice alike.
    """

    prefix: str
    read: Reader
    between: tuple[float, float] | None = None
    varies: bool = False


@dataclass(frozen=True)
class Counted:
    """The console line that is counted: the value is how often it came within the interval."""

    prefix: str


@dataclass(frozen=True)
class Sensor:
    """How Home Assistant shows the value; classes, units and icons have Home Assistant's own names.

    A number with a `precision` (decimals) gets long-term statistics. `empty` is shown for an empty
    text. In the name of a Series' sensors `{}` stands for the number. A setting gives the unit of
    an energy.
    """

    name: str
    unit: str | None = None
    device_class: str | None = None
    precision: int | None = None
    icon: str | None = None
    total: bool = False
    diagnostic: bool = False
    enabled: bool = True
    empty: str | None = None

    @property
    def state_class(self) -> Literal["measurement", "total_increasing"] | None:
        """Which statistics Home Assistant keeps of the value."""
        if self.total:
            return "total_increasing"
        return None if self.precision is None else "measurement"


@dataclass(frozen=True)
class Alarm:
    """A sensor that is on while the value is true, or is a text that is not empty.

    It needs a `key` if the field has a Sensor, too, which has the field's name already.
    """

    name: str
    key: str | None = None


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL's text cannot hold a NUL")
    return text


_in_real = Field(ge=-REAL_MAX, le=REAL_MAX)

SmallInt = Annotated[int, Field(ge=-SMALLINT_MAX - 1, le=SMALLINT_MAX), Column("SMALLINT")]
Count = Annotated[int, Field(ge=0, le=SMALLINT_MAX), Column("SMALLINT")]
# The decimals are those of the C program. REAL refuses a number that is nearly 0 (1e-300).
Real2 = Annotated[float, _in_real, Column("REAL", decimals=2)]
Real3 = Annotated[float, _in_real, Column("REAL", decimals=3)]
Real4 = Annotated[float, _in_real, Column("REAL", decimals=4)]
Text16 = Annotated[str, Field(max_length=16), AfterValidator(_storable), Column("VARCHAR(16)")]
Text32 = Annotated[str, Field(max_length=32), AfterValidator(_storable), Column("VARCHAR(32)")]
