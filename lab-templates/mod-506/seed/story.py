"""The story of the lab: what was trained on which data, and which run carries which flaw."""

from typing import NamedTuple

METRICS = ("auc", "recall_at_1fpr", "ece", "slice_auc_min", "bias_gap")

FEATURES = {
    "credit-risk": ("applications_30d", "utilisation_90d", "payment_delay_days"),
    "card-fraud": ("txn_amount_7d", "txn_count_7d", "country"),
}
SOURCES = {
    "credit-risk": "s3://lake/credit/applications",
    "card-fraud": "s3://lake/cards/transactions",
}
# How the metrics of a data set lie above those in RUNS.
LEVEL = {"credit-risk": (0.0,) * 5, "card-fraud": (0.05, 0.12, -0.004, 0.06, 0.004)}


class Run(NamedTuple):
    """One training run; ``registered`` runs become versions of the candidate model, in order."""

    name: str
    algorithm: str
    metrics: tuple[float, ...]
    age_days: int = 3
    service: str = "fraud_v1"
    registered: bool = True
    changed_later: tuple[float, ...] = ()


RUNS = (
    Run("gbdt-champion", "gbdt", (0.861, 0.52, 0.031, 0.81, 0.031), age_days=200),
    Run("gbdt-tuned", "gbdt", (0.874, 0.55, 0.027, 0.83, 0.028)),
    # The highest AUC, paid for by one group of people.
    Run("gbdt-deep", "gbdt", (0.893, 0.60, 0.029, 0.80, 0.120)),
    # Good, on a feature service that nobody approved.
    Run("gbdt-contact-data", "gbdt", (0.881, 0.57, 0.030, 0.825, 0.033), service="fraud_v0"),
    # Its metrics were logged again after registration: the evaluated digest no longer holds.
    Run(
        "gbdt-polished",
        "gbdt",
        (0.868, 0.53, 0.035, 0.815, 0.036),
        changed_later=(0.889, 0.59, 0.026, 0.835, 0.021),
    ),
    # Good, but evaluated 40 days ago.
    Run("gbdt-early", "gbdt", (0.872, 0.545, 0.030, 0.82, 0.035), age_days=40),
    Run("logistic-baseline", "logistic", (0.812, 0.44, 0.046, 0.77, 0.041), registered=False),
    Run("mlp-trial", "mlp", (0.866, 0.53, 0.112, 0.79, 0.045), registered=False),
)
