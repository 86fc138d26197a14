"""Templates as documents: parameters, conditions, intrinsic functions, order, changes."""
