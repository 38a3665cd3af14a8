-- group: lifecycle
-- entity: user
-- doc: Where in its life cycle a customer is, and since when: a state machine that moves on days with an order and on days that pass without one. One row for every customer who has bought, and for every registered one with a known sign-up time.
--     Days are UTC days. Returns are no orders. Two things move a customer:
--     (1) An order day d, known from the day after. A life begins with the first order day, and again with an order day that comes lost_days or more after the one before; k counts the order days of the present life.
--     In the first life the state is maturity from k = mature_orders, else growth from k = growth_orders, else activation.
--     In a later life it is revived while k < settled_orders, then maturity from k = mature_orders, else growth.
--     (2) Time. With last as the last order day, the customer is in decline from the day last + decline_days on, and lost from the day last + lost_days on; an order on that very day comes after the change. An order in decline leads back to the state that k says.
--     Who has signed up and never ordered is in introduction. since_day is the day of the change into the present state; an order that leaves the state as it is changes nothing.
--     Thresholds of orders are 1 or more; decline_days is meant to be below lost_days: where it is not, customers are lost without declining.
-- needs: orders
-- optional: users
-- uses: days
-- parameter: growth_orders 2 | Order days from which a first life counts as growth.
-- parameter: mature_orders 5 | Order days in one life from which it counts as maturity.
-- parameter: settled_orders 3 | Order days in a later life from which the customer is no longer just revived.
-- parameter: decline_days 90 | Days without an order after which a customer is in decline.
-- parameter: lost_days 180 | Days without an order after which a customer is lost, and the next order revives.
-- key: user_id VARCHAR id | The customer.
-- column: state VARCHAR - | introduction, activation, growth, maturity, decline, lost or revived.
-- column: since_day INTEGER day | UTC day of the change into the state, counted from 1970-01-01.
-- column: days_in_state INTEGER days | Days from that day to as_of; 0 for a change that time brings on as_of itself.
-- column: previous_state VARCHAR - | The state before that; null when there was none, as for a first order not preceded by a sign-up of the same day or earlier.
-- column: life_order_days BIGINT days | Order days in the present life (k); 0 in introduction.
-- column: revivals BIGINT times | How often the customer has come back after being lost.
WITH lives AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) AS as_of_day,
    MIN(day) AS first_day,
    MAX(day) AS last_day,
    MAX(place) AS n,
    MAX(place) FILTER (WHERE previous_day IS NULL OR day - previous_day >= CAST($lost_days AS INTEGER)) AS life_n,
    MAX(day) FILTER (WHERE previous_day IS NULL OR day - previous_day >= CAST($lost_days AS INTEGER)) AS life_day,
    MAX(day) FILTER (WHERE previous_day IS NULL OR day - previous_day >= LEAST(CAST($decline_days AS INTEGER), CAST($lost_days AS INTEGER))) AS run_day,
    COUNT(*) FILTER (WHERE day - previous_day >= CAST($lost_days AS INTEGER)) AS revivals
  FROM days
  GROUP BY as_of, user_id
),
counted AS (
  SELECT
    as_of,
    user_id,
    as_of_day,
    first_day,
    last_day,
    life_n,
    life_day,
    run_day,
    revivals,
    n - life_n + 1 AS k,
    CASE
      WHEN revivals > 0 AND n - life_n + 1 < CAST($settled_orders AS INTEGER) THEN 'revived'
      WHEN n - life_n + 1 >= CAST($mature_orders AS INTEGER) THEN 'maturity'
      WHEN revivals > 0 OR n - life_n + 1 >= CAST($growth_orders AS INTEGER) THEN 'growth'
      ELSE 'activation'
    END AS active,
    CASE WHEN revivals > 0 THEN CAST($settled_orders AS INTEGER) ELSE CAST($growth_orders AS INTEGER) END AS growth_k
  FROM lives
),
-- From which order day of its life on the customer has been in the active state.
thresholds AS (
  SELECT
    as_of,
    user_id,
    as_of_day,
    first_day,
    last_day,
    life_n,
    life_day,
    run_day,
    revivals,
    k,
    active,
    growth_k,
    CASE
      WHEN active = 'maturity' AND revivals > 0 THEN GREATEST(CAST($mature_orders AS INTEGER), CAST($settled_orders AS INTEGER), 1)
      WHEN active = 'maturity' THEN GREATEST(CAST($mature_orders AS INTEGER), 1)
      WHEN active = 'growth' THEN GREATEST(growth_k, 1)
      ELSE 1
    END AS active_k
  FROM counted
),
signed_up AS (
  SELECT as_of, user_id, as_of_day, signed_up_at_day AS signed_up_day
  FROM users
  WHERE signed_up_at_day IS NOT NULL
),
active AS (
  SELECT
    t.as_of,
    t.user_id,
    t.as_of_day,
    t.last_day,
    t.as_of_day - t.last_day AS recency,
    t.k,
    t.revivals,
    t.active,
    GREATEST(s.day, t.run_day) AS active_since,
    CASE
      WHEN t.run_day > t.life_day AND t.run_day >= s.day THEN 'decline'
      WHEN t.active_k > 1 AND t.active = 'maturity' AND t.growth_k < t.active_k THEN 'growth'
      WHEN t.active_k > 1 AND t.revivals > 0 THEN 'revived'
      WHEN t.active_k > 1 THEN 'activation'
      WHEN t.revivals > 0 THEN 'lost'
      WHEN u.signed_up_day <= t.first_day THEN 'introduction'
    END AS before_active
  FROM thresholds t
  JOIN days s ON s.as_of = t.as_of AND s.user_id = t.user_id AND s.place = t.life_n + t.active_k - 1
  LEFT JOIN signed_up u ON u.as_of = t.as_of AND u.user_id = t.user_id
),
states AS (
  SELECT
    as_of,
    user_id,
    as_of_day,
    CASE
      WHEN recency >= CAST($lost_days AS INTEGER) THEN 'lost'
      WHEN recency >= CAST($decline_days AS INTEGER) THEN 'decline'
      ELSE active
    END AS state,
    CASE
      WHEN recency >= CAST($lost_days AS INTEGER) THEN last_day + CAST($lost_days AS INTEGER)
      WHEN recency >= CAST($decline_days AS INTEGER) THEN last_day + CAST($decline_days AS INTEGER)
      ELSE active_since
    END AS since_day,
    CASE
      WHEN recency >= CAST($lost_days AS INTEGER) AND CAST($decline_days AS INTEGER) < CAST($lost_days AS INTEGER) THEN 'decline'
      WHEN recency >= LEAST(CAST($decline_days AS INTEGER), CAST($lost_days AS INTEGER)) THEN active
      ELSE before_active
    END AS previous_state,
    k AS life_order_days,
    revivals
  FROM active
  UNION ALL
  SELECT
    u.as_of,
    u.user_id,
    u.as_of_day,
    'introduction' AS state,
    u.signed_up_day AS since_day,
    CAST(NULL AS VARCHAR) AS previous_state,
    0 AS life_order_days,
    0 AS revivals
  FROM signed_up u
  LEFT JOIN lives l ON l.as_of = u.as_of AND l.user_id = u.user_id
  WHERE l.user_id IS NULL
)
SELECT
  as_of,
  user_id,
  state,
  CAST(since_day AS INTEGER) AS since_day,
  CAST(as_of_day - since_day AS INTEGER) AS days_in_state,
  previous_state,
  CAST(life_order_days AS BIGINT) AS life_order_days,
  CAST(revivals AS BIGINT) AS revivals
FROM states
ORDER BY as_of, user_id
