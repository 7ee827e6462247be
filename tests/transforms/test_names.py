"""BIDS names: what they say is what was meant, for labels of any script."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.transforms.names import TransformName, parse_name, transform_name

labels = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=10)


@given(labels, labels)
def test_names_come_back(fixed, moving):
    found = parse_name(transform_name(fixed, moving) + ".tfm")
    again = parse_name(transform_name(found.fixed, found.moving))
    assert again == found
    assert re.fullmatch(r"from-\w+_to-\w+_mode-image_xfm", transform_name(fixed, moving))


def test_from_is_moving_and_to_is_fixed():
    name = transform_name("T1w", "bold")
    assert name == "from-bold_to-T1w_mode-image_xfm"
    assert "points of T1w (fixed) to points of bold (moving)" in parse_name(name).in_words()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_ses-2_from-bold_to-T1w_mode-image_desc-hand_xfm.txt", TransformName("bold", "T1w", "image", "sub-01_ses-2", "hand")),
        ("from-scanner_to-bold_mode-image_xfm.lta", TransformName("scanner", "bold")),
        ("from-a_to-b_xfm.xfm.txt", TransformName("a", "b")),
        ("from-T1w_to-bold_mode-points_xfm.tfm", TransformName("bold", "T1w", "points")),
        ("from-a_to-b_mode-image.tfm", None),
        ("affine.tfm", None),
        ("from-_to-b_xfm", None),
    ],
)
def test_names_of_others(name, expected):
    assert parse_name(f"out/{name}") == expected


def test_what_bids_does_not_allow_is_left_out():
    assert (
        transform_name("someones_anatomy", "病人 一/epi-2", desc="by hand")
        == "from-病人一epi2_to-someonesanatomy_mode-image_desc-byhand_xfm"
    )
    assert transform_name("--", "__") == "from-moving_to-fixed_mode-image_xfm"
