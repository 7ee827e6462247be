"""Where a registration begins and what it is held to: masks, starts, bounds, and whether it is judged."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.errors import RegistrationError
from volstudio.geometry.affine import Affine
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.rigid import register

SHAPE = (60, 72, 56)
QUICK = RegistrationPlan(samples=20_000)  # fewer leave a nearly symmetric head a quarter of a millimetre to chance


@pytest.fixture(scope="module")
def fixed(heads):
    return heads.head(SHAPE, heads.grid_affine(SHAPE, np.diag([2.5, 2.5, 2.5])), name="fixed")


@pytest.fixture(scope="module")
def moved(heads):
    return heads.rigid((1, -1, 0.5), 9, (6, -5, 6))


@pytest.fixture(scope="module")
def moving(heads, moved):
    return heads.head((48, 60, 46), heads.grid_affine((48, 60, 46), np.diag([3.0, 3.0, 3.0])), name="moving", moved=moved, seed=1)


@pytest.fixture(scope="module")
def neck(heads):
    """A head whose lower half has bent between two scans: the maps of both halves, and a mask of each half."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), -1)
    affine = heads.grid_affine(SHAPE, np.diag([2.5, 2.5, 2.5]))
    points = index @ affine[:3, :3].T + affine[:3, 3]
    bent, moved = heads.rigid((1, 0, 0), 14, (0, 12, -6)), heads.rigid((1, 1, 0), 5, (4, -3, 5))

    def scan(lower, header, name):
        back = np.linalg.inv(lower)
        data = np.where(points[..., 2] > 0, heads.head_at(points), heads.head_at(points @ back[:3, :3].T + back[:3, 3]))
        return heads.volume_of(data.astype(np.float32), header @ affine, name)

    masks = {name: heads.volume_of(where.astype(np.uint8), affine, name) for name, where in halves(points[..., 2]).items()}
    return scan(np.eye(4), np.eye(4), "fixed"), scan(bent, moved, "moving"), masks, {"top": moved, "bottom": moved @ bent}


def halves(z):
    """Masks of half a head; an answer is right to a millimetre over the whole of it, and the other half is 12 mm away."""
    return {"top": z > 5, "bottom": z < -20}


@pytest.mark.parametrize("refine", ["simpleitk", "builtin"])
@pytest.mark.parametrize("half", ["top", "bottom"])
def test_only_what_lies_in_a_mask_counts(heads, neck, refine, half):
    fixed, moving, masks, truths = neck
    found = register(fixed, moving, plan=QUICK.with_(refine=refine), fixed_mask=masks[half], judge=False)
    assert heads.error_mm(found.fixed_to_moving.matrix, truths[half]) < 1.0
    assert f"only what lies in the mask {half} counts" in " ".join(found.notes)


def test_masks_of_both_scans(heads, neck):
    fixed, moving, masks, truths = neck
    other = heads.volume_of(masks["top"].data, truths["top"] @ masks["top"].affine.matrix, "top of moving")
    found = register(fixed, moving, plan=QUICK, fixed_mask=masks["top"], moving_mask=other, judge=False)
    assert heads.error_mm(found.fixed_to_moving.matrix, truths["top"]) < 1.0


def test_exchange_gives_the_inverse_with_masks_and_bounds(neck):
    fixed, moving, masks, _ = neck
    plan, top = QUICK.with_(max_turn_deg=25, max_shift_mm=30), masks["top"]
    one = register(fixed, moving, plan=plan, fixed_mask=top, judge=False).moving_to_fixed.matrix
    two = register(moving, fixed, plan=plan, moving_mask=top, judge=False).moving_to_fixed.matrix
    np.testing.assert_allclose(one @ two, np.eye(4), atol=1e-9)


def test_a_mask_in_the_plan_is_a_file_or_a_box(heads, neck, tmp_path):
    fixed, moving, masks, truths = neck
    top = masks["top"]
    nibabel.Nifti1Image(np.asarray(top.data), top.affine.matrix).to_filename(tmp_path / "top.nii")
    for mask in (Mask(file=str(tmp_path / "top.nii")), Mask(box_mm=((-80, -95, 80), (80, 95, 5)))):
        found = register(fixed, moving, plan=QUICK.with_(fixed_mask=mask), judge=False)
        assert heads.error_mm(found.fixed_to_moving.matrix, truths["top"]) < 1.0


def test_starts_without_a_start(heads, fixed, moved):
    far = heads.rigid((0, 0, 1), 5, (150, 80, -60)) @ moved
    moving = heads.head((48, 60, 46), heads.grid_affine((48, 60, 46), np.diag([3.0] * 3)), name="moving", moved=far, seed=1)
    with pytest.raises(RegistrationError, match="do not overlap"):
        register(fixed, moving, plan=QUICK.with_(start="header"))
    middles = fixed.grid.centre - moving.grid.centre
    for start, tolerance in (("centres", 1e-9), ("moments", 3.0)):
        found = register(fixed, moving, plan=QUICK.with_(start=start), judge=False)
        np.testing.assert_array_equal(found.start.linear, np.eye(3))
        np.testing.assert_allclose(found.start.matrix[:3, 3], middles, atol=tolerance)
        assert heads.error_mm(found.fixed_to_moving.matrix @ np.linalg.inv(far), np.eye(4)) < 0.2


def test_a_start_beside_a_plan_that_begins_elsewhere_is_refused(fixed, moving):
    start = Affine.identity("moving:scanner", "fixed:scanner")
    for begins in ("header", "centres", "moments"):
        with pytest.raises(RegistrationError, match=f"the plan starts from the {begins}; leave one"):
            register(fixed, moving, plan=QUICK.with_(start=begins), start=start)


def test_a_result_is_judged_unless_not(fixed, moving):
    judged, other = register(fixed, moving, plan=QUICK), register(fixed, moving, plan=QUICK, judge=False)
    assert judged.trust.verdict == "pass"
    assert other.trust is None
    np.testing.assert_array_equal(judged.moving_to_fixed.matrix, other.moving_to_fixed.matrix)
    assert judged.metric_name == "mutual information"


# ---------------------------------------------------------------------------------------------------------------------- bounds
HOW = [{"refine": refine, "start": start} for refine in ("simpleitk", "builtin") for start in ("given", "search")]


def reach(found):
    """Turn in degrees between start and answer, and mm that the middle of the head went, by the moving scan's own points."""
    change = found.moving_to_fixed.matrix @ np.linalg.inv(found.start.matrix)
    turn = np.degrees(np.arccos(np.clip((np.trace(change[:3, :3]) - 1) / 2, -1, 1)))
    middle = found.start.inverse().apply(np.zeros(3))
    return turn, np.linalg.norm(found.moving_to_fixed.apply(middle) - found.start.apply(middle))


@pytest.mark.parametrize("how", HOW)
def test_an_answer_within_the_bounds_is_found_as_without(heads, fixed, moving, moved, how):
    plan = QUICK.with_(**how, max_turn_deg=20, max_shift_mm=25)
    found = register(fixed, moving, plan=plan, judge=False)
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.2
    assert "held back" not in " ".join(found.notes)


@pytest.mark.parametrize("how", HOW)
def test_an_answer_beyond_the_bounds_is_held_back_and_said(heads, fixed, moving, moved, how):
    for bound in ({"max_turn_deg": 4}, {"max_shift_mm": 5}):
        found = register(fixed, moving, plan=QUICK.with_(**how, **bound), judge=False)
        turn, shift = reach(found)
        if "max_turn_deg" in bound:
            assert 3.9 < turn < 4.001
        else:
            assert 4 < shift < 6  # the object's middle is some mm from the head's
        assert "held back by the plan's bounds" in " ".join(found.notes)
        # As near as it may: nearer than the headers, in spite of the bound.
        assert heads.error_mm(found.fixed_to_moving.matrix, moved) < heads.error_mm(np.eye(4), moved)


def test_a_search_within_bounds_finds_what_lies_within_and_not_what_lies_beyond(heads, fixed):
    for degrees, bound, is_found in ((50, 70, True), (170, 60, False)):
        moved = heads.rigid((1, 2, -1), degrees, (8, -6, 10))
        moving = heads.head((48, 60, 46), heads.grid_affine((48, 60, 46), np.diag([3.0] * 3)), name="moving", moved=moved, seed=1)
        found = register(fixed, moving, plan=QUICK.with_(max_turn_deg=bound, refine="builtin"), judge=False)
        assert reach(found)[0] <= bound + 0.001
        assert (heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.3) == is_found


def test_bounds_are_about_a_given_start(heads, fixed, moving, moved):
    near = Affine(heads.rigid((0, 1, 0), 5, (6, 4, 0)) @ np.linalg.inv(moved), "moving:scanner", "fixed:scanner")
    found = register(fixed, moving, plan=QUICK.with_(max_turn_deg=8, max_shift_mm=12), start=near, judge=False)
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.2
