"""A log of steps that a short text names."""

from __future__ import annotations

import neuro_actors as na
from neuro_actors.simulation import blocking


def log_steps(
    path, network: na.Network, x, targets, steps="g", loss="squared_error", **options
) -> na.Network:
    """Log steps: p(redict), g(radient), i(nputs too), t(rain). Return the network as it is in the end."""

    async def society() -> na.Network:
        async with na.open_simulation(
            network, log=na.Recording(path, overwrite=True, **options)
        ) as simulation:
            for step in steps:
                if step == "p":
                    await simulation.predict(x)
                elif step == "t":
                    await simulation.train_step(
                        x, targets, loss, optimizer=na.SGD(0.05, momentum=0.5)
                    )
                else:
                    await simulation.gradient(x, targets, loss, wrt_inputs=step == "i")
            return await simulation.network()

    return blocking.run(society)
