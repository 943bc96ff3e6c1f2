"""What is no markup already is escaped."""

from __future__ import annotations

from neuro_actors.support.markup import Markup, block, element, table


def test_texts_and_attributes_are_escaped() -> None:
    assert element("b", "<i>", id="\"><i>'") == '<b id="&quot;&gt;&lt;i&gt;&#x27;">&lt;i&gt;</b>'
    assert block("&lt;") == "<div>&amp;lt;</div>"


def test_markup_is_not() -> None:
    assert element("b", element("i", "x"), Markup("&amp;")) == "<b><i>x</i>&amp;</b>"


def test_control_characters_are_escaped_and_lines_stay() -> None:
    assert element("b", "a\x1b\x00\nb\u202e") == "<b>a\\x1b\\x00\nb\\u202e</b>"


def test_attributes_have_hyphens_and_short_numbers() -> None:
    assert element("a", stroke_width=0.125, x=3.0, y=None) == '<a stroke-width="0.12" x="3"></a>'


def test_cells_of_a_table_are_escaped_and_numbers_are_to_the_right() -> None:
    text = table(["<a>", "n"], [["<b>", 1000]])
    assert "&lt;a&gt;" in text
    assert '<td style="text-align: left">&lt;b&gt;</td>' in text
    assert ">1,000</td>" in text
    assert "right" in text.partition("1,000")[0].rpartition("<td")[2]
