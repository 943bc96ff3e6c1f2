from __future__ import annotations

from neuro_actors.simulation.lifetime import Lifetime


class Stopped:
    """A step runner that counts how often it is stopped."""

    def __init__(self) -> None:
        self.count = 0

    def stop(self) -> None:
        self.count += 1


async def test_the_first_failure_remains() -> None:
    runner = Stopped()
    life = Lifetime(runner, None)
    cause = ValueError("why")
    life.fail("the first", cause)
    life.fail("what came of it", KeyError("other"))
    assert str(life.failure) == "the first"
    assert life.report().__cause__ is cause
    assert runner.count == 2  # stopping again does no harm
