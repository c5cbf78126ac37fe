import pandas as pd
from feast import FeatureStore

store = FeatureStore(repo_path=".")
orders = pd.read_parquet("data/labels.parquet")


def amounts(**options):
    feature = ["customer_txn:txn_amount_7d"]
    found = store.get_historical_features(entity_df=orders, features=feature, **options).to_df()
    return found.sort_values("order_id")["txn_amount_7d"].fillna(-1).tolist()


both = zip(amounts(), amounts(filter_by_created_timestamp=True), strict=True)
print("leaked:", sum(one != other for one, other in both))
