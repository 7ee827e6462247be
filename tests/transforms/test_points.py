"""Files of landmarks: LPS and RAS told apart, everything read back as it was written, and clear words for what is not clear."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import OutputError, TransformError, UnreadableFileError
from volstudio.transforms.points import Points, read_points, write_points

RAS = [[10.0, -20.0, 30.0], [-1.5, 2.25, -3.125]]
LPS = [[-10.0, 20.0, 30.0], [1.5, -2.25, -3.125]]

SLICER_4_11 = """# Markups fiducial file version = 4.11
# CoordinateSystem = LPS
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,-10,20,30,0,0,0,1,1,1,0,AC,,vtkMRMLScalarVolumeNode1
2,1.5,-2.25,-3.125,0,0,0,1,1,1,0,"PC, left",,
"""
SLICER_4_5 = """# Markups fiducial file version = 4.5
# CoordinateSystem = 0
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,10,-20,30,0,0,0,1,1,1,0,AC,,
vtkMRMLMarkupsFiducialNode_1,-1.5,2.25,-3.125,0,0,0,1,1,1,0,"PC, left",,
"""


def markups(points, system="LPS", **more):
    control = [{"id": "1", "label": "AC", "position": points[0]}, {"id": "2", "label": "PC, left", "position": points[1]}]
    control.append({"id": "3", "label": "not placed", "position": [0, 0, 0], "positionStatus": "undefined"})
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": control, **more}]})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("new.fcsv", SLICER_4_11),
        ("old.fcsv", SLICER_4_5),
        ("dos.fcsv", SLICER_4_11.replace("\n", "\r\n")),
        ("a.mrk.json", markups(LPS, coordinateUnits="mm")),
        ("b.mrk.json", markups(RAS, "RAS", coordinateUnits=["mm", "mm", "mm"])),
    ],
)
def test_slicers_files_say_their_coordinates(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = read_points(tmp_path / name)
    np.testing.assert_array_equal(found.points, RAS)
    assert (found.labels, found.notes) == (("AC", "PC, left"), ())


@pytest.mark.parametrize(
    ("text", "labels", "note"),
    [
        ("10,-20,30\n-1.5,2.25,-3.125\n", (), "taken as RAS"),
        ("10 -20 30\n-1.5 2.25 -3.125\n", (), "taken as RAS"),
        ("AC\t10\t-20\t30\nPC\t-1.5\t2.25\t-3.125\n", ("AC", "PC"), "taken as RAS"),
        ("10;-20;30;AC\n-1.5;2.25;-3.125;PC\n", ("AC", "PC"), "taken as RAS"),
        ("Name,X,Y,Z,weight\nAC,10,-20,30,2\nPC,-1.5,2.25,-3.125,1\n", ("AC", "PC"), "taken as RAS"),
        ("# coordinates: LPS\nx,y,z\n-10,20,30\n1.5,-2.25,-3.125\n", (), None),
        ("# CoordinateSystem = RAS+\nz_mm,x_mm,y_mm\n30,10,-20\n-3.125,-1.5,2.25\n", (), None),
        ("x,y,z,t,label\n-10,20,30,0,AC\n1.5,-2.25,-3.125,0,PC\n", ("AC", "PC"), "as ANTs writes"),
    ],
)
def test_tables(tmp_path, text, labels, note):
    (tmp_path / "points.csv").write_text(text)
    found = read_points(tmp_path / "points.csv")
    np.testing.assert_array_equal(found.points, RAS)
    assert found.labels == labels
    assert (not found.notes) if note is None else note in found.notes[0]
    if "weight" in text:
        np.testing.assert_array_equal(found.weights, [2, 1])


def test_coordinates_of_a_table_may_be_given(tmp_path):
    (tmp_path / "points.csv").write_text("-10,20,30\n1.5,-2.25,-3.125\n")
    found = read_points(tmp_path / "points.csv", coordinates="lps")
    np.testing.assert_array_equal(found.points, RAS)
    assert found.notes == ()
    (tmp_path / "points.csv").write_text("# coordinates: RAS\n1,2,3\n")
    with pytest.raises(TransformError, match="its own comment says RAS, not LPS"):
        read_points(tmp_path / "points.csv", coordinates="lps")


@settings(deadline=None, max_examples=40)
@given(
    points=st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), min_size=1, max_size=5),
    word=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8),
    suffix=st.sampled_from([".csv", ".tsv", ".fcsv", ".mrk.json"]),
)
def test_what_is_written_is_read_back_to_the_bit(tmp_path_factory, points, word, suffix):
    path = tmp_path_factory.mktemp("points") / f"points{suffix}"
    labels = tuple(f"{' '.join(word.split())}{number}" for number in range(len(points)))
    write_points(Points(np.array(points), labels), path)
    found = read_points(path)
    np.testing.assert_array_equal(found.points, points)
    assert found.labels == labels
    assert found.notes == ()


def test_weights_are_written_and_a_file_is_not_replaced_unasked(tmp_path):
    points = Points(np.array(RAS), (), np.array([1.0, 0.25]))
    write_points(points, tmp_path / "points.csv")
    found = read_points(tmp_path / "points.csv")
    np.testing.assert_array_equal(found.weights, [1, 0.25])
    assert found.labels == ("F-1", "F-2")
    with pytest.raises(OutputError, match="exists already"):
        write_points(points, tmp_path / "points.csv")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"# only a remark\n", "holds no points"),
        ("a.csv", b"label,x,y,z\n", "holds no points"),
        ("a.csv", b"1,2\n3,4\n", "first line has 2 columns"),
        ("a.csv", b"x,y,z\n1,2,3\n4,5\n", "line 3 has 2 columns"),
        ("a.csv", b"x,y,z\n1,2,here\n", "in line 2 of its points it holds 'here'"),
        ("a.csv", b"x,y,z\n1,2,nan\n", "not a finite number"),
        ("a.csv", b"x,y,z\n1,2,1e300\n", "too large for millimetres"),
        ("a.csv", b"# coordinates: IJK\nx,y,z\n1,2,3\n", "must be in RAS or LPS"),
        ("a.fcsv", b"1,2,3,4,0,0,0,1,1,1,0,F,,\n", "does not say its coordinates"),
        ("a.fcsv", b"# CoordinateSystem = 2\n1,2,3,4\n", "must be in RAS or LPS"),
        ("a.mrk.json", b"{", "damaged"),
        ("a.mrk.json", b"[" * 5000, "damaged"),
        ("a.mrk.json", b"[1]", "no 'markups'"),
        ("a.mrk.json", b'{"markups": [{"coordinateSystem": "LPS"}]}', "holds no points"),
        ("a.mrk.json", markups([[1, 2], [3, 4, 5]]).encode(), "control point 1 is not three numbers"),
        ("a.mrk.json", markups(RAS, coordinateUnits="um").encode(), "must be in mm"),
        ("a.mrk.json", markups(RAS, "IJK").encode(), "must be in RAS or LPS"),
        ("a.csv", bytes(range(256)) * 20, "it is no text"),
        ("a.nii.gz", b"\x1f\x8b\x08\x00\x00\n1,2\n", "it is no text"),
    ],
)
def test_what_is_not_clear_is_one_sentence(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TransformError, match=said) as caught:
        read_points(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_far_too_large_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_points(tmp_path / "none.csv")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(TransformError, match="larger than a list of landmarks"):
        read_points(tmp_path / "large.csv")
