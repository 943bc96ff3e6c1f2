"""How fast is a society, beside what else computes the same gradient? `neuro-actors bench`."""
