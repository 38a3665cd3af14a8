-- group: hours
-- entity: user
-- doc: In which hours of the shop's day a customer is active: orders, and what the customer does or answers on the site
--     or in the app. What was merely shown (impressions) and purchases among the events, which are orders, do not count.
--     One row for every customer with any of these; for the choice of the hour to write, no model of churn reads it.
-- needs: orders
-- optional: events
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: hour_0 BIGINT acts | From 0:00 to 0:59.
-- column: hour_1 BIGINT acts | From 1:00 to 1:59.
-- column: hour_2 BIGINT acts | From 2:00 to 2:59.
-- column: hour_3 BIGINT acts | From 3:00 to 3:59.
-- column: hour_4 BIGINT acts | From 4:00 to 4:59.
-- column: hour_5 BIGINT acts | From 5:00 to 5:59.
-- column: hour_6 BIGINT acts | From 6:00 to 6:59.
-- column: hour_7 BIGINT acts | From 7:00 to 7:59.
-- column: hour_8 BIGINT acts | From 8:00 to 8:59.
-- column: hour_9 BIGINT acts | From 9:00 to 9:59.
-- column: hour_10 BIGINT acts | From 10:00 to 10:59.
-- column: hour_11 BIGINT acts | From 11:00 to 11:59.
-- column: hour_12 BIGINT acts | From 12:00 to 12:59.
-- column: hour_13 BIGINT acts | From 13:00 to 13:59.
-- column: hour_14 BIGINT acts | From 14:00 to 14:59.
-- column: hour_15 BIGINT acts | From 15:00 to 15:59.
-- column: hour_16 BIGINT acts | From 16:00 to 16:59.
-- column: hour_17 BIGINT acts | From 17:00 to 17:59.
-- column: hour_18 BIGINT acts | From 18:00 to 18:59.
-- column: hour_19 BIGINT acts | From 19:00 to 19:59.
-- column: hour_20 BIGINT acts | From 20:00 to 20:59.
-- column: hour_21 BIGINT acts | From 21:00 to 21:59.
-- column: hour_22 BIGINT acts | From 22:00 to 22:59.
-- column: hour_23 BIGINT acts | From 23:00 to 23:59.
WITH acts AS (
  SELECT as_of, user_id, local_hour
  FROM baskets
  WHERE previous_day IS NULL
  UNION ALL
  SELECT as_of, user_id, local_hour
  FROM events
  WHERE user_id IS NOT NULL AND type NOT IN ('impression', 'purchase')
)
SELECT
  as_of,
  user_id,
  COUNT(*) FILTER (WHERE local_hour = 0) AS hour_0,
  COUNT(*) FILTER (WHERE local_hour = 1) AS hour_1,
  COUNT(*) FILTER (WHERE local_hour = 2) AS hour_2,
  COUNT(*) FILTER (WHERE local_hour = 3) AS hour_3,
  COUNT(*) FILTER (WHERE local_hour = 4) AS hour_4,
  COUNT(*) FILTER (WHERE local_hour = 5) AS hour_5,
  COUNT(*) FILTER (WHERE local_hour = 6) AS hour_6,
  COUNT(*) FILTER (WHERE local_hour = 7) AS hour_7,
  COUNT(*) FILTER (WHERE local_hour = 8) AS hour_8,
  COUNT(*) FILTER (WHERE local_hour = 9) AS hour_9,
  COUNT(*) FILTER (WHERE local_hour = 10) AS hour_10,
  COUNT(*) FILTER (WHERE local_hour = 11) AS hour_11,
  COUNT(*) FILTER (WHERE local_hour = 12) AS hour_12,
  COUNT(*) FILTER (WHERE local_hour = 13) AS hour_13,
  COUNT(*) FILTER (WHERE local_hour = 14) AS hour_14,
  COUNT(*) FILTER (WHERE local_hour = 15) AS hour_15,
  COUNT(*) FILTER (WHERE local_hour = 16) AS hour_16,
  COUNT(*) FILTER (WHERE local_hour = 17) AS hour_17,
  COUNT(*) FILTER (WHERE local_hour = 18) AS hour_18,
  COUNT(*) FILTER (WHERE local_hour = 19) AS hour_19,
  COUNT(*) FILTER (WHERE local_hour = 20) AS hour_20,
  COUNT(*) FILTER (WHERE local_hour = 21) AS hour_21,
  COUNT(*) FILTER (WHERE local_hour = 22) AS hour_22,
  COUNT(*) FILTER (WHERE local_hour = 23) AS hour_23
FROM acts
GROUP BY as_of, user_id
ORDER BY as_of, user_id
