"""What takes longer than a test run: analysers, proofs, long campaigns and mutation. Run by `scripts/audit`.

Knows nothing of oracle/ and api/; what it installs and finds lies in `.state/audit`.
"""
