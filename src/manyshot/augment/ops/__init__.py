"""The contract of ops, and the algebra of ops: composing, choosing, replaying, variants, targets that follow."""
