"""Numbers are read as the C program read them, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluenova_shared.readings import Reader, decimal, thousandths, whole, whole_thousandths


def told(read: Reader, text: str) -> str:
    """The value, or why there is none."""
    try:
        return repr(read(text))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("read", [whole, decimal, thousandths, whole_thousandths])
@given(st.text(" +-.0123456789", max_size=8))
def test_a_text_of_a_plain_numbers_characters_reads_as_with_another_one_behind(
    read: Reader, text: str
) -> None:
    assert told(read, text) == told(read, text + "\n")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        pytest.param(whole, "5-3", "5", id="a number with another one behind it"),
        pytest.param(whole, "5 3", "5", id="a number, a blank and another one"),
        pytest.param(whole, "5, 3", "5", id="a number, a comma, a blank and another one"),
        pytest.param(whole, "--5", "no number", id="two signs"),
        pytest.param(decimal, "5.2-3", "5.2", id="a fraction with another number behind it"),
        pytest.param(decimal, "5.2.", "5.2", id="a fraction with a point behind it"),
        pytest.param(decimal, "+.5", "0.5", id="a fraction without its first digit"),
        pytest.param(decimal, " ", "no number", id="a blank"),
        pytest.param(thousandths, " 53123 1", "53.123", id="the first of two"),
        pytest.param(whole_thousandths, "53123-1", "53.123", id="whole, with another behind it"),
        pytest.param(whole, "1_0", "a decimal comma or thousands mark", id="Python's own mark"),
        pytest.param(whole, "\u0663", "no number", id="another script's digits"),
        pytest.param(decimal, "\u20035", "no number", id="another script's blank"),
    ],
)
def test_it_is_read_as_c_reads_it(read: Reader, text: str, value: str) -> None:
    assert told(read, text) == value
