"""What a log holds, as a page to look at: `neuro-actors view run.arrows`."""
