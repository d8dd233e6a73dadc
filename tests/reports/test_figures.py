"""Figures say in text what they draw."""

import re
import xml.etree.ElementTree as ET

import pytest

from desist.reports.figures import Dot, Panel, answer_sign, calibration_figure, dot_figure

DOTS = [Dot("Asian", 0.02, -0.01, 0.05, "Within"), Dot("Black", 0.09, 0.06, 0.12, "Outside"),
        Dot("Mixed", None, None, None, "hidden: too few people")]


def drawn(dots=DOTS, margin=0.05):
    return dot_figure("f1", "Black: 9 points more", "Gaps by group", dots, margin=margin,
                      axis="gap to everybody else, in points", less="less", more="more")


def test_a_figure_is_named_and_described_and_its_text_is_text():
    svg = str(drawn())
    root = ET.fromstring(svg)
    assert root.find("title").text == "Black: 9 points more" and root.find("desc").text == "Gaps by group"
    assert root.get("aria-labelledby") == "f1-title f1-desc" and root.get("role") == "img"
    words = [node.text for node in root.iter("text")]
    for said in ("Asian", "Black", "Mixed", "Within", "Outside", "hidden: too few people", "no gap",
                 "agreed limits (dashed)"):
        assert said in words


def test_a_hidden_group_has_a_label_and_no_dot():
    assert str(drawn()).count("<circle") == 2
    assert str(drawn(DOTS[2:])).count("<circle") == 0


def test_both_limits_are_drawn_at_the_same_distance_from_no_gap():
    root = ET.fromstring(str(drawn()))
    lines = [node for node in root.iter("line") if node.get("stroke-dasharray")]
    left, right = sorted(float(line.get("x1")) for line in lines)
    middle = next(float(n.get("x1")) for n in root.iter("line") if n.get("stroke-width") == "1.5"
                  and not n.get("stroke-dasharray"))
    assert middle - left == pytest.approx(right - middle, abs=0.2)


def test_dots_and_ranges_stay_inside_the_drawing_and_in_their_order():
    root = ET.fromstring(str(drawn([Dot("A", 0.3, -0.9, 0.95), Dot("B", -0.3, -0.31, -0.2)])))
    width = float(root.get("width"))
    assert all(0 <= float(node.get(end)) <= width for node in root.iter("line") for end in ("x1", "x2"))
    first, second = (float(node.get("cx")) for node in root.iter("circle"))
    assert second < first


def test_names_of_groups_are_shown_as_text_whatever_they_hold():
    svg = str(drawn([Dot("<b>&", 0.0, 0.0, 0.0)]))
    assert "<b>" not in svg and ET.fromstring(svg) is not None


def test_a_figure_is_the_same_bytes_each_time_and_has_no_long_coordinates():
    assert drawn() == drawn()
    assert not re.findall(r"\d+\.\d{2,}", re.sub(r'stroke-width="[\d.]+"', "", str(drawn())))
    assert '"-0"' not in str(drawn([Dot("A", -1e-12, -1e-12, 0.0)]))


def test_a_calibration_figure_has_a_panel_a_group_with_the_line_where_both_agree():
    panels = [Panel(f"Group {k}", ((0.2, 0.25, 0.2, 0.3), (0.5, 0.4, 0.3, 0.5)), "2 points") for k in range(4)]
    root = ET.fromstring(str(calibration_figure("c", "title", "description", panels)))
    assert len(list(root.iter("circle"))) == 8
    assert len([n for n in root.iter("line") if n.get("stroke-dasharray")]) == 4
    words = [node.text for node in root.iter("text")]
    assert words.count("Group 3") == 1 and "50%" in words
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(0 <= float(n.get("cx")) <= width and 0 <= float(n.get("cy")) <= height for n in root.iter("circle"))


def test_a_point_above_the_line_is_drawn_above_it():
    root = ET.fromstring(str(calibration_figure("c", "t", "d", [Panel("A", ((0.5, 0.9, 0.8, 1.0),))])))
    dot, line = next(root.iter("circle")), next(n for n in root.iter("line") if n.get("stroke-dasharray"))
    middle = (float(line.get("y1")) + float(line.get("y2"))) / 2
    assert float(dot.get("cy")) < middle


def test_the_three_answers_have_three_different_signs():
    signs = {str(answer_sign(code)) for code in ("meets", "does_not_meet", "cannot_be_assessed")}
    assert len(signs) == 3
    with pytest.raises(KeyError):
        answer_sign("probably")
