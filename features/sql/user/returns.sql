-- group: returns
-- entity: user
-- doc: What customers who have bought sent back.
-- uses: baskets returned
-- key: user_id VARCHAR id | The customer.
-- column: return_lines BIGINT lines | Returned order lines.
-- column: return_value DOUBLE currency | Quantity times unit price of the returned lines.
-- column: return_lines_share DOUBLE ratio | Returned lines / lines bought; above 1 when purchases before the history were sent back.
-- column: return_value_share DOUBLE ratio | Returned value / value bought; null when nothing bought had a price.
WITH bought_sums AS (
  SELECT as_of, user_id, SUM(lines) AS lines, SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
),
returned_sums AS (
  SELECT as_of, user_id, SUM(lines) AS lines, SUM(spend) AS spend
  FROM returned
  GROUP BY as_of, user_id
)
SELECT
  b.as_of,
  b.user_id,
  CAST(COALESCE(r.lines, 0) AS BIGINT) AS return_lines,
  CAST(COALESCE(r.spend, 0) AS DOUBLE) AS return_value,
  CAST(COALESCE(r.lines, 0) AS DOUBLE) / NULLIF(CAST(b.lines AS DOUBLE), 0) AS return_lines_share,
  CAST(COALESCE(r.spend, 0) AS DOUBLE) / NULLIF(CAST(b.spend AS DOUBLE), 0) AS return_value_share
FROM bought_sums b
LEFT JOIN returned_sums r ON r.as_of = b.as_of AND r.user_id = b.user_id
ORDER BY b.as_of, b.user_id
