"""What a registration says of itself while it runs and when it has ended."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from volstudio.apps.studio.refine_report import FULL, RefineReport
from volstudio.progress import Step
from volstudio.registration.result import TraceStep

pytestmark = pytest.mark.window

FAR = "13.79 mm and 8.92° from where pd lay when it began"


@pytest.fixture
def report(app, hand):
    report = RefineReport()
    report.resize(300, 400)
    report.show()
    hand.settle()
    yield report
    report.close()
    report.deleteLater()


def answer(**more):
    """As much of a refinement as is told."""
    result = SimpleNamespace(plan=SimpleNamespace(metric="mi"), metric=0.68484, trace=(None,) * 46, seconds=1.649)
    values = {"notes": (), "before": None, "after": None, "text": "the whole story", **more}
    return SimpleNamespace(fixed="t1", moving="pd", result=result, moved=SimpleNamespace(mean=13.789), turned_deg=8.9249, **values)


def test_an_optimiser_is_told_by_level_step_and_metric_and_others_in_words(report):
    report.show_running("starting")
    report.climbs = "nmi"
    assert report.bar.isVisible()
    assert report.bar.value() == 0
    report.show_step(Step("climbing", 0.5, TraceStep(level_mm=2.0, iteration=7, metric=0.12345, moving_to_fixed=np.eye(4))))
    assert report.bar.value() == FULL // 2
    assert report.state.text() == "level 2 mm   step 7   NMI 0.1235"
    report.show_step(Step("searching all orientations", 0.25, None))
    assert report.state.text() == "searching all orientations"


@pytest.mark.parametrize(
    ("fate", "first"),
    [
        ("applied", "Moved 13.79 mm, turned 8.92°"),
        (
            "offered",
            "One of the two was moved meanwhile, so this answer is not applied: 13.79 mm and 8.92° from where pd lay when it began",
        ),
        ("taken", f"Applied: {FAR}"),
    ],
)
def test_what_became_of_an_answer_is_said_first(report, fate, first):
    report.show_answer(answer(notes=("of pd, time point 3 of 9 was used",)), fate)
    assert report.result.text().splitlines() == [first, "MI 0.6848, 46 steps, 1.6 s", "Of pd, time point 3 of 9 was used."]
    assert report.result.toolTip() == "the whole story"
    assert not report.truth.isVisible()


def test_the_known_truth_is_told_where_there_is_one(report):
    mean = SimpleNamespace
    report.show_answer(answer(before=mean(mean=12.34), after=mean(mean=0.123)), "applied")
    assert report.truth.text() == "12.3 mm off the known truth before, 0.12 mm after"
    report.forget()
    assert not report.truth.isVisible()
    assert not report.result.isVisible()


def test_a_usual_result_moves_nothing_below_it(report, hand):
    """A verdict and two lines have their room from the start, so that the buttons stay under the mouse."""
    empty = report.sizeHint().height()
    report.show_running("starting")
    assert report.sizeHint().height() == empty
    report.show_idle("")
    report.show_answer(answer(), "applied")
    report.verdict.show_verdict(SimpleNamespace(verdict="pass", error_mm=0.5, reasons=()))
    hand.settle()
    assert report.sizeHint().height() == empty
