"""The figures nobody can argue with: each is a fold over the audit trail, with the rows behind it.

`history` folds one whistle's events, `rows` says what each history counts for, `scoring` scores a responder's part,
`tally` adds up, `scorecard` freezes. docs/reference/figures.md lists every figure.
"""
