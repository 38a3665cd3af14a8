-- group: returns
-- entity: user
-- doc: What customers who have bought sent back.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: return_lines BIGINT lines | Returned order lines.
-- column: return_value DOUBLE currency | Quantity times unit price of the returned lines.
-- column: return_lines_share DOUBLE ratio | Returned lines / lines bought; above 1 when purchases before the history were sent back.
-- column: return_value_share DOUBLE ratio | Returned value / value bought; null when nothing bought had a price.
WITH sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE NOT is_return) AS bought_lines,
    COUNT(*) FILTER (WHERE is_return) AS return_lines,
    SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) FILTER (WHERE NOT is_return) AS bought,
    COALESCE(SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) FILTER (WHERE is_return), 0) AS returned
  FROM orders
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  return_lines,
  CAST(returned AS DOUBLE) AS return_value,
  CAST(return_lines AS DOUBLE) / NULLIF(bought_lines, 0) AS return_lines_share,
  CAST(returned AS DOUBLE) / NULLIF(CAST(bought AS DOUBLE), 0) AS return_value_share
FROM sums
WHERE bought_lines > 0
ORDER BY as_of, user_id
