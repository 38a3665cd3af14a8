-- group: rfm
-- entity: user
-- doc: Recency, frequency, monetary value and tenure: one row for every customer who has bought.
-- uses: days
-- key: user_id VARCHAR id | The customer.
-- column: recency_days INTEGER days | Days from the last order to as_of; 1 is the day before.
-- column: frequency BIGINT orders | Distinct orders.
-- column: order_days BIGINT days | Distinct days with an order.
-- column: monetary DOUBLE currency | Quantity times unit price, summed; returns not deducted.
-- column: tenure_days INTEGER days | Days from the first order to as_of.
SELECT
  as_of,
  user_id,
  CAST(MAX(as_of_day) - MAX(day) AS INTEGER) AS recency_days,
  CAST(SUM(new_orders) AS BIGINT) AS frequency,
  COUNT(*) AS order_days,
  CAST(SUM(spend) AS DOUBLE) AS monetary,
  CAST(MAX(as_of_day) - MIN(day) AS INTEGER) AS tenure_days
FROM days
GROUP BY as_of, user_id
ORDER BY as_of, user_id
