"""What the platform costs, and what its plan pays back: MOD-306, computed."""

from collections.abc import Collection, Mapping
from typing import Any

from practicum.api.quantities import quantity

Resources = Mapping[str, str]
"""Quantities by resource."""
GIB = 1024**3
INVESTMENT = 12000


def amount(text: str) -> float:
    """A Kubernetes quantity as a number."""
    found = quantity(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    return float(found)


def price(hard: Resources, prices: Mapping[str, float]) -> dict[str, float]:
    """A month of what is promised, in the prices' currency."""
    cores = amount(hard["requests.cpu"])
    memory = amount(hard["requests.memory"]) / GIB
    storage = amount(hard.get("requests.storage", "0")) / GIB
    compute = cores * prices["cpu_core_hour"] + memory * prices["memory_gib_hour"]
    return {
        "cpu_cores": cores,
        "memory_gib": memory,
        "storage_gib": storage,
        "cost": compute * prices["hours"] + storage * prices["storage_gib_month"],
    }


def showback(
    told: Mapping[str, Any],
    hard: Mapping[str, Mapping[str, str]],
    asked: Collection[Mapping[str, str]],
) -> dict[str, Any]:
    """Costs by tenant, each with its share of the platform's.

    Args:
        told: by the organisation: prices and budgets.
        hard: what each tenant is promised.
        asked: what containers of the platform request.
    """
    rows = {tenant: price(quota, told["prices"]) for tenant, quota in hard.items()}
    total = {
        f"requests.{name}": str(sum(amount(one[name]) for one in asked))
        for name in ("cpu", "memory")
    }
    platform = price(total, told["prices"])
    handed_out = sum(row["cost"] for row in rows.values())
    shares = {tenant: platform["cost"] * rows[tenant]["cost"] / handed_out for tenant in rows}
    return {
        "currency": "EUR",
        "hours": told["prices"]["hours"],
        "tenants": [
            {
                "tenant": tenant,
                **rows[tenant],
                "cost": round(rows[tenant]["cost"], 2),
                "platform_share": round(shares[tenant], 2),
                "budget": told["budgets"][tenant],
            }
            for tenant in rows
        ],
        "platform": {
            "cpu_cores": platform["cpu_cores"],
            "memory_gib": platform["memory_gib"],
            "cost": round(platform["cost"], 2),
        },
        "total": round(platform["cost"] + handed_out, 2),
    }


def roi(total: float, roadmap: Collection[Mapping[str, float]]) -> dict[str, float]:
    """When the plan has paid itself back, at what the platform costs in a month."""
    benefit = sum(one["benefit_per_month"] for one in roadmap)
    cost = total + sum(one["cost_per_month"] for one in roadmap)
    return {
        "benefit_per_month": benefit,
        "cost_per_month": round(cost, 2),
        "net_per_month": round(benefit - cost, 2),
        "investment": INVESTMENT,
        "payback_months": round(INVESTMENT / (benefit - cost), 2),
    }


def summary(costs: Mapping[str, Any], paid: Mapping[str, float]) -> dict[str, float]:
    """What a pitch says of it."""
    return {
        "total_cost": costs["total"],
        "budget": sum(one["budget"] for one in costs["tenants"]),
        "net_per_month": paid["net_per_month"],
        "payback_months": paid["payback_months"],
    }
