"""Rules read the texts of a form: what spells a value becomes it, anything else stays as it is."""

import pytest

from app.catalog.rules import BooleanRule, ChoiceRule, IntegerRule, NumberRule, Rule

INTEGER = IntegerRule(type="integer", min=-5, max=5, source="this test")
NUMBER = NumberRule(type="number", min=-5, max=5, source="this test")
BOOLEAN = BooleanRule(type="boolean", source="this test")
CHOICE = ChoiceRule(type="choice", values=("1",), source="this test")


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        (INTEGER, "2", 2),
        (INTEGER, "-2", -2),
        (INTEGER, "007", 7),
        (INTEGER, "9" * 18, int("9" * 18)),
        (NUMBER, "2", 2.0),
        (NUMBER, "-2.5", -2.5),
        (BOOLEAN, "true", True),
        (BOOLEAN, "false", False),
        (CHOICE, "1", "1"),
    ],
)
def test_texts_that_spell_a_value(rule: Rule, text: str, value: object) -> None:
    """Numbers and booleans as JSON writes them; words stay words."""
    read = rule.read(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("rule", "text"),
    [(rule, text) for rule in (INTEGER, NUMBER) for text in ("", " 2", "2 ", "+2", "2e0", "0x2", "nan", "inf", "2_0")]
    + [(INTEGER, "2.0"), (INTEGER, "9" * 5_000), (NUMBER, ".5"), (NUMBER, "5."), (BOOLEAN, "True"), (BOOLEAN, "1")],
)
def test_texts_that_spell_none(rule: Rule, text: str) -> None:
    """They are left for the check to refuse, which says what was expected; none of them raises."""
    assert rule.read(text) == text
