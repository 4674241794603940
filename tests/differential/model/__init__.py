"""An independent model of the accounting, written from the interfaces and documents, not from the contracts.

It is slow in form: terms by epoch, shares by deposit, credits by mirror. A call that breaks a rule raises `Refused`
with the name of the contract's error and may leave the world half changed: who calls restores it.
"""
