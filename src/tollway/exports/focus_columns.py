"""The columns of FOCUS, the FinOps Foundation's form of cost and usage: what each of its versions has, and what Tollway says there.

https://focus.finops.org. Every column of a version is there, null where Tollway has nothing to say. A file of 1.2 has the names of
1.3 too, so that it is one of both. Tollway's own columns begin with `x_`.
"""

from typing import Literal, NamedTuple

from tollway.exports.columns import Column, Kind

Version = Literal["1.2", "1.3", "1.4"]
VERSIONS: tuple[Version, ...] = ("1.2", "1.3", "1.4")

_NOTHING = "null: Tollway knows of none"


class FocusColumn(NamedTuple):
    """A column, and the versions that have it."""

    name: str
    about: str = _NOTHING
    kind: Kind = "text"
    first: Version = "1.2"
    last: Version = "1.4"


FOCUS_COLUMNS: tuple[FocusColumn, ...] = (
    FocusColumn("AvailabilityZone"),
    FocusColumn("BilledCost", "what the ledger has; 0 where `x_unpriced` is true, as FOCUS has no unknown cost", "money"),
    FocusColumn("BillingAccountId", "the gateway"),
    FocusColumn("BillingAccountName", "the gateway"),
    FocusColumn("BillingAccountType", "`Gateway`"),
    FocusColumn("BillingCurrency", "`USD`"),
    FocusColumn("BillingPeriodEnd", "the first instant of the month after, UTC", "second"),
    FocusColumn("BillingPeriodStart", "the first instant of the month of the request, UTC", "second"),
    FocusColumn("CapacityReservationId"),
    FocusColumn("CapacityReservationStatus"),
    FocusColumn("ChargeCategory", "`Usage`; `Credit`: given back by hand; `Adjustment`: charged by hand, unpriced, or rounding"),
    FocusColumn("ChargeClass", "`Correction` of an entry that amends an earlier one; else null"),
    FocusColumn("ChargeDescription", "provider, model and meter; what is presumed, counted or unpriced is named"),
    FocusColumn("ChargeFrequency", "`Usage-Based`; `One-Time` where it is no usage"),
    FocusColumn("ChargePeriodEnd", "a second after the start", "second"),
    FocusColumn("ChargePeriodStart", "the second of the request's admission: the month it is charged to", "second"),
    FocusColumn("CommitmentDiscountCategory"),
    FocusColumn("CommitmentDiscountId"),
    FocusColumn("CommitmentDiscountName"),
    FocusColumn("CommitmentDiscountQuantity", kind="decimal"),
    FocusColumn("CommitmentDiscountStatus"),
    FocusColumn("CommitmentDiscountType"),
    FocusColumn("CommitmentDiscountUnit"),
    FocusColumn("ConsumedQuantity", "the count that the meter billed; negative where a correction takes it back", "decimal"),
    FocusColumn("ConsumedUnit", "`Tokens`, `Requests`, `Searches`, `Images`, `Seconds`, `Characters`, `Pages` ..."),
    FocusColumn("ContractedCost", "as BilledCost: at the prices of the settings", "money"),
    FocusColumn("ContractedUnitPrice", "of a PricingUnit, at the prices of the settings", "decimal"),
    FocusColumn("EffectiveCost", "as BilledCost: nothing is paid ahead", "money"),
    FocusColumn("InvoiceId", "null: the provider's invoice is not known"),
    FocusColumn("InvoiceIssuerName", "the provider"),
    FocusColumn("ListCost", "at the public list price, rounded up to a nanodollar; as BilledCost where no list tells it", "money"),
    FocusColumn("ListUnitPrice", "of a PricingUnit, at the public list price; see `x_list_price`", "decimal"),
    FocusColumn("PricingCategory", "`Standard`; null where there is no unit price"),
    FocusColumn("PricingCurrency", "`USD`"),
    FocusColumn("PricingCurrencyContractedUnitPrice", "as ContractedUnitPrice", "decimal"),
    FocusColumn("PricingCurrencyEffectiveCost", "as EffectiveCost", "money"),
    FocusColumn("PricingCurrencyListUnitPrice", "as ListUnitPrice", "decimal"),
    FocusColumn("PricingQuantity", "ConsumedQuantity in PricingUnits", "decimal"),
    FocusColumn("PricingUnit", "what prices are written for: `1000000 Tokens`, `1000 Searches`, `Images`"),
    FocusColumn("ProviderName", "the provider, as the settings name it", last="1.3"),
    FocusColumn("PublisherName", "the provider", last="1.3"),
    FocusColumn("RegionId"),
    FocusColumn("RegionName"),
    FocusColumn("ResourceId"),
    FocusColumn("ResourceName"),
    FocusColumn("ResourceType"),
    FocusColumn("ServiceCategory", "`AI and Machine Learning`"),
    FocusColumn("ServiceName", "the model asked for, as the provider names it"),
    FocusColumn("ServiceSubcategory", "`Generative AI`"),
    FocusColumn("SkuId", "the price list's provider and model, and the meter: `openai/gpt-4o/input`"),
    FocusColumn("SkuMeter", "the meter: `input`, `cache_read`, `cache_write`, `output`, `web_search` ..."),
    FocusColumn("SkuPriceDetails", "`x_PriceId`: the price, with its date, tier and book", "json"),
    FocusColumn("SkuPriceId", "price, meter and unit price"),
    FocusColumn("SubAccountId", "the team (`metadata.team`); null without one"),
    FocusColumn("SubAccountName", "the team"),
    FocusColumn("SubAccountType", "`Team`; null without one"),
    FocusColumn("Tags", "metadata that is not empty; `tollway:gateway`, `tollway:user`, `tollway:key`, `tollway:service`", "json"),
    FocusColumn("ServiceProviderName", "the provider", first="1.3"),
    FocusColumn("HostProviderName", "the provider", first="1.3"),
    FocusColumn("AllocatedMethodDetails", kind="json", first="1.3"),
    FocusColumn("AllocatedMethodId", first="1.3"),
    FocusColumn("AllocatedResourceId", first="1.3"),
    FocusColumn("AllocatedResourceName", first="1.3"),
    FocusColumn("AllocatedTags", kind="json", first="1.3"),
    FocusColumn("ContractApplied", kind="json", first="1.3"),
    FocusColumn("CommitmentProgramEligibilityDetails", kind="json", first="1.4"),
    FocusColumn("InvoiceDetailId", first="1.4"),
    FocusColumn("x_entry_id", "the ledger entry, of which each line is a row"),
    FocusColumn("x_kind", "charge, presumed, unpriced, correction, credit"),
    FocusColumn("x_basis", "`metered`: the provider's usage; `counted`: what was seen of the answer; `presumed`: the hold, taken as spent"),
    FocusColumn("x_unpriced", "true: what it cost is not known", "boolean"),
    FocusColumn("x_usage", "unpriced: what the provider told of usage; else null", "json"),
    FocusColumn("x_list_price", "`charged`: the list price was charged; `list`: it is another; `unknown`: no list tells it; else null"),
    FocusColumn("x_request_id", "the request"),
    FocusColumn("x_attempt", "the call of a provider, from 1", "integer"),
    FocusColumn("x_gateway", "the gateway"),
    FocusColumn("x_user", "who asked"),
    FocusColumn("x_groups", "the caller's groups", "json"),
    FocusColumn("x_key", "the name of the gateway key"),
    FocusColumn("x_service", "the name of the service"),
    FocusColumn("x_model_requested", "the model asked for"),
    FocusColumn("x_model_answered", "the model that answered"),
    FocusColumn("x_recorded_at", "when it was booked; a correction may be much later than its period", "instant"),
)  # fmt: skip


def columns_of(version: Version, *, strict: bool = False) -> tuple[Column, ...]:
    """The columns of a file of that version, in its order. `strict`: 1.2 without the names of 1.3."""
    last: Version = "1.3" if version == "1.2" and not strict else version
    return tuple(
        Column(column.name, column.kind, column.about)
        for column in FOCUS_COLUMNS
        if column.first <= last and version <= column.last
    )
