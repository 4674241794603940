"""Every reason can be told, in a table and in a sentence."""

from oracle.model import Reason
from oracle.weights import FACTOR_REASONS
from oracle.words import LABELS, MEANINGS

OF_EPOCHS = {Reason.DRY, Reason.MISSED, Reason.GIVEN_UP, Reason.VOIDED}


def test_every_reason_has_a_label_of_its_own() -> None:
    assert set(LABELS) == set(Reason)
    assert len(set(LABELS.values())) == len(Reason)


def test_every_reason_of_a_slot_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Reason) - FACTOR_REASONS - OF_EPOCHS
