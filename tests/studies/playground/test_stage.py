"""prefault_kit.studies.playground.stage: the worker's side, in this process where nothing dies."""

import os

import pytest

from prefault_kit.studies.playground import Ground, Step, Strips, stage


def test_begin_act_release() -> None:
    """Each task tells what there is; a release leaves nothing."""
    ground = Ground("memfd", "shared", 8)
    [fresh] = stage.begin({"ground": ground.as_dict()})
    assert set(Strips.of(fresh["strips"]).table) == {"not present"}
    steps = [Step("write", 2), Step("truncate", 4), Step("MADV_POPULATE_READ", 0, 8)]
    told = list(stage.act({"steps": [step.as_dict() for step in steps]}))
    assert [each["outcome"].get("error") for each in told] == [None, None, "EFAULT"]
    assert told[2]["outcome"]["page"] == 4
    assert list(stage.release({})) == [{}]
    assert stage._stage is None


def test_steps_are_done_on_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one step and the next; else MADV_PAGEOUT passes over pages that came on another."""
    allowed, seen = os.sched_getaffinity(0), []
    touch = stage.Stage.touch

    def touching(*words: object) -> object:
        seen.append(os.sched_getaffinity(0))
        return touch(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.Stage, "touch", touching)
    list(stage.begin({"ground": Ground(pages=8).as_dict()}))
    for _ in range(2):
        list(stage.act({"steps": [Step("write", 2).as_dict()]}))
        assert os.sched_getaffinity(0) == allowed
    list(stage.release({}))
    assert seen == [{min(allowed)}] * 2


def test_a_ground_that_cannot_be_is_told() -> None:
    """Why, and the command that would help, if there is one."""
    ground = Ground("file", directory="/no/such/place")
    [told] = stage.begin({"ground": ground.as_dict()})
    assert "does not exist" in told["unavailable"]
    assert stage._stage is None
