"""Every Snapshot there can be, for the property tests."""

from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st

from bluenova_shared.identity import EARLIEST, LATEST
from bluenova_shared.quantity import REAL_MAX, SMALLINT_MAX, Column
from bluenova_shared.snapshot import ADCS, CELLS, Snapshot

# PostgreSQL's UTF-8 holds every character but NUL; half a character (a surrogate) is none.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")

zones = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))
times = st.builds(
    lambda second, zone: datetime.fromtimestamp(second, UTC).astimezone(zone),
    st.integers(int(EARLIEST.timestamp()), int(LATEST.timestamp()) - 1),
    zones,
)
mcu_ids = st.integers(1, 0xFFFFFFFE).map("{:08X}".format)
smallints = st.integers(-SMALLINT_MAX - 1, SMALLINT_MAX)
counts = st.integers(0, SMALLINT_MAX)
any_reals = st.one_of(st.floats(-REAL_MAX, REAL_MAX), st.floats(-1000, 1000))
real2, real3, real4 = [any_reals.map(Column("REAL", n).rounded) for n in (2, 3, 4)]
texts = {length: st.text(characters, max_size=length) for length in (16, 32)}


T = TypeVar("T")


def maybe(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


def array(values: st.SearchStrategy[T], length: int) -> st.SearchStrategy[tuple[T | None, ...]]:
    return st.lists(maybe(values), min_size=length, max_size=length).map(tuple)


snapshots = st.builds(
    Snapshot,
    time=times,
    mcu_id=mcu_ids,
    n_units=maybe(smallints),
    unit_rank=maybe(smallints),
    cell_count=maybe(smallints),
    cell_v=array(real3, CELLS),
    cell_t=array(smallints, CELLS),
    v_pack=maybe(real3),
    i_pack=maybe(real2),
    temp=maybe(smallints),
    v_cell_min=maybe(real3),
    v_cell_max=maybe(real3),
    soc=maybe(smallints),
    health=maybe(real3),
    errors=maybe(texts[32]),
    system_state=maybe(texts[32]),
    breaker=maybe(texts[32]),
    charge_state=maybe(texts[16]),
    energy_in=maybe(real3),
    energy_out=maybe(real3),
    adc_vp=maybe(real3),
    adc=array(real4, ADCS),
    bad_crc=counts,
    parse_fail=counts,
    bad_vcell=counts,
)
