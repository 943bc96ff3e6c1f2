from __future__ import annotations

from neuro_actors.simulation.society_task import SocietyTask


class Stopped:
    """A step runner that counts how often it is stopped."""

    def __init__(self) -> None:
        self.count = 0

    def stop(self) -> None:
        self.count += 1


async def test_the_first_failure_remains() -> None:
    runner = Stopped()
    task = SocietyTask(runner, None)
    cause = ValueError("why")
    task.fail("the first", cause)
    task.fail("what came of it", KeyError("other"))
    assert str(task.failure) == "the first"
    assert task.report().__cause__ is cause
    assert runner.count == 2  # stopping again does no harm
