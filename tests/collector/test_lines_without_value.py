"""Lines of the console without a quantity: what is counted, energy totals, and the MCU ID."""

import pytest
from tests.support.sentences import sentence

from bluenova_collector.console.rules import (
    EnergyFollows,
    EnergyTotal,
    Named,
    Occurrence,
    Unreadable,
    read,
)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("INFO: BAD CRC", "bad_crc"),
        ("INFO: BAD CRC from cell 7", "bad_crc"),
        ("INFO: BAD CRCs", "bad_crc"),
        ("INFO: cellcomms parse FAIL", "parse_fail"),
        ("INFO: cellcomms parse FAILED (3)", "parse_fail"),
        ("DEBUG: REJECT BAD V: 9999", "bad_vcell"),
        ("DEBUG: REJECT BAD ", "bad_vcell"),
    ],
)
def test_the_line_counts_for(line: str, field: str) -> None:
    assert read(line) == Occurrence(field)


@pytest.mark.parametrize(
    "line",
    [
        "DEBUG: CALC PACK_CHARGE, STORE IN FLASH",
        "DEBUG: CALC PACK_CHARGE, STORE IN FLASH (page 3)",
    ],
)
def test_the_energy_totals_follow_on(line: str) -> None:
    assert read(line) == EnergyFollows()


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("Write EnergyOut: 1234.567", 1234.567),
        ("Write EnergyOut: 1234.5678 kWh", 1234.568),
        ("Write EnergyOut: 0", 0.0),
        ("Write EnergyOut:   -5.5", -5.5),
    ],
)
def test_an_energy_total_is_read(line: str, total: float) -> None:
    assert read(line) == EnergyTotal(total)


@pytest.mark.parametrize(
    ("line", "mcu_id"),
    [
        ("MCU ID: 1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 1a2b3c4d", "1A2B3C4D"),
        ("MCU ID: 0x1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 0X1a2b3c4d", "1A2B3C4D"),
        ("MCU ID: 7", "00000007"),
        ("MCU ID: 0x7", "00000007"),
        ("MCU ID:    1A2B3C4D", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D rev B", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D\t", "1A2B3C4D"),
        ("MCU ID: 1A2B3C4D-5", "1A2B3C4D"),
        ("MCU ID: FFFFFFFE", "FFFFFFFE"),
        ("MCU ID: 00000001", "00000001"),
    ],
)
def test_the_mcu_id_is(line: str, mcu_id: str) -> None:
    assert read(line) == Named(mcu_id)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        *((f"MCU ID: {text}", "no hexadecimal number") for text in ("", "xyz", "-1")),
        *(
            (f"MCU ID: {text}", "more than eight hexadecimal digits")
            for text in ("1A2B3C4D5", "0x1A2B3C4D5", "001A2B3C4D", "A" * 4000)
        ),
        *(
            (f"MCU ID: {text}", "neither 00000000 nor FFFFFFFF is an MCU ID")
            for text in ("0", "0x", "00000000", "0x0", "FFFFFFFF", "ffffffff", "0xFFFFFFFF")
        ),
    ],
    ids=sentence,
)
def test_no_mcu_id_is(line: str, why: str) -> None:
    assert read(line) == Unreadable("MCU ID: ", line, why)
