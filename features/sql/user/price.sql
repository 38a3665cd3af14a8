-- group: price
-- entity: user
-- doc: How much of what a customer buys is bought at a discount, and what a unit costs after it.
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: net_value_per_unit DOUBLE currency | Spend less discounts / units.
-- column: discount_line_share DOUBLE ratio | Order lines with a discount / order lines: price sensitivity.
-- column: discount_value_share DOUBLE ratio | Discounts / spend before discounts; null when nothing bought had a price.
WITH sums AS (
  SELECT
    as_of,
    user_id,
    CAST(SUM(lines) AS BIGINT) AS lines,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(SUM(discounted_lines) AS BIGINT) AS discounted,
    SUM(discount) AS discount,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  CAST(spend - discount AS DOUBLE) / NULLIF(units, 0) AS net_value_per_unit,
  CAST(discounted AS DOUBLE) / NULLIF(lines, 0) AS discount_line_share,
  CAST(discount AS DOUBLE) / NULLIF(CAST(spend AS DOUBLE), 0) AS discount_value_share
FROM sums
ORDER BY as_of, user_id
