"""The same random sequences of calls through the contracts and through a model of the accounting, equal to the wei."""
