-- group: contact_response
-- entity: user
-- doc: Messages a customer was sent, and what came of them, by channel. One row for every customer who was contacted, or would have been but for a control arm.
--     A message is received when its arm is not control and it has not bounced; what is known is what was known at as_of: an opening, a click or an order after it is not yet there. It is answered when it was clicked, or when the customer ordered (any item) less than 7 days after it.
-- needs: contacts orders
-- parameter: prior_rate 0.05 | Expected share of messages that are answered, for customers with few messages.
-- parameter: prior_weight 20 | How many messages the expectation weighs.
-- key: user_id VARCHAR id | The customer.
-- column: contacts_received BIGINT messages | Messages received.
-- column: contacts_received_30d BIGINT messages | Messages received in the 30 days before as_of.
-- column: contacts_withheld BIGINT messages | Messages withheld because the customer was in the control arm.
-- column: contacts_unsubscribed BIGINT messages | Messages from which the customer unsubscribed.
-- column: contacts_response_rate DOUBLE ratio | (Messages answered + prior_weight * prior_rate) / (messages received + prior_weight).
-- column: days_since_contact INTEGER days | Days from the last message received to as_of; 1 is the day before; null when none was.
-- column: email_received BIGINT messages | Messages received by e-mail.
-- column: email_opened BIGINT messages | Of these, opened.
-- column: email_clicked BIGINT messages | Of these, clicked.
-- column: email_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: email_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
-- column: sms_received BIGINT messages | Messages received by SMS.
-- column: sms_opened BIGINT messages | Of these, opened.
-- column: sms_clicked BIGINT messages | Of these, clicked.
-- column: sms_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: sms_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
-- column: push_received BIGINT messages | Messages received by push.
-- column: push_opened BIGINT messages | Of these, opened.
-- column: push_clicked BIGINT messages | Of these, clicked.
-- column: push_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: push_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
-- column: social_received BIGINT messages | Messages received by social media.
-- column: social_opened BIGINT messages | Of these, opened.
-- column: social_clicked BIGINT messages | Of these, clicked.
-- column: social_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: social_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
-- column: phone_received BIGINT messages | Messages received by telephone.
-- column: phone_opened BIGINT messages | Of these, opened.
-- column: phone_clicked BIGINT messages | Of these, clicked.
-- column: phone_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: phone_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
-- column: other_received BIGINT messages | Messages received by any other channel.
-- column: other_opened BIGINT messages | Of these, opened.
-- column: other_clicked BIGINT messages | Of these, clicked.
-- column: other_ordered BIGINT messages | Of these, followed by an order less than 7 days later.
-- column: other_response_rate DOUBLE ratio | (Of these, answered + prior_weight * prior_rate) / (received + prior_weight).
WITH messages AS (
  SELECT
    as_of,
    user_id,
    contact_id,
    ts,
    as_of_day - day AS age,
    CASE WHEN channel IN ('email', 'sms', 'push', 'social', 'phone') THEN channel ELSE 'other' END AS channel,
    arm = 'control' AS withheld,
    arm <> 'control' AND bounced_at IS NULL AS received,
    opened_at IS NOT NULL AS opened,
    clicked_at IS NOT NULL AS clicked,
    unsubscribed_at IS NOT NULL AS unsubscribed
  FROM contacts
),
contacted AS (
  SELECT as_of, user_id, MIN(ts) AS since
  FROM messages
  GROUP BY as_of, user_id
),
order_times AS (
  SELECT o.as_of, o.user_id, o.ts
  FROM orders o
  JOIN contacted c ON c.as_of = o.as_of AND c.user_id = o.user_id
  WHERE NOT o.is_return AND o.ts >= c.since
  GROUP BY o.as_of, o.user_id, o.ts
),
timeline AS (
  SELECT as_of, user_id, ts, 0 AS is_order FROM messages GROUP BY as_of, user_id, ts
  UNION ALL
  SELECT as_of, user_id, ts, 1 AS is_order FROM order_times
),
followed AS (
  SELECT
    as_of,
    user_id,
    ts,
    is_order,
    MIN(CASE WHEN is_order = 1 THEN ts END) OVER (PARTITION BY as_of, user_id ORDER BY ts, is_order NULLS LAST ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_order
  FROM timeline
),
outcomes AS (
  SELECT
    m.as_of,
    m.user_id,
    m.channel,
    m.age,
    m.withheld,
    m.received,
    m.received AND m.opened AS opened,
    m.received AND m.clicked AS clicked,
    m.unsubscribed,
    m.received AND f.next_order IS NOT NULL AND f.next_order < m.ts + INTERVAL '7' DAY AS ordered
  FROM messages m
  JOIN followed f ON f.as_of = m.as_of AND f.user_id = m.user_id AND f.ts = m.ts AND f.is_order = 0
),
counts AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE received) AS received,
    COUNT(*) FILTER (WHERE received AND age <= 30) AS received_30d,
    COUNT(*) FILTER (WHERE withheld) AS withheld,
    COUNT(*) FILTER (WHERE unsubscribed) AS unsubscribed,
    COUNT(*) FILTER (WHERE clicked OR ordered) AS answered,
    MIN(age) FILTER (WHERE received) AS latest,
    COUNT(*) FILTER (WHERE channel = 'email' AND received) AS email_received,
    COUNT(*) FILTER (WHERE channel = 'email' AND opened) AS email_opened,
    COUNT(*) FILTER (WHERE channel = 'email' AND clicked) AS email_clicked,
    COUNT(*) FILTER (WHERE channel = 'email' AND ordered) AS email_ordered,
    COUNT(*) FILTER (WHERE channel = 'email' AND (clicked OR ordered)) AS email_answered,
    COUNT(*) FILTER (WHERE channel = 'sms' AND received) AS sms_received,
    COUNT(*) FILTER (WHERE channel = 'sms' AND opened) AS sms_opened,
    COUNT(*) FILTER (WHERE channel = 'sms' AND clicked) AS sms_clicked,
    COUNT(*) FILTER (WHERE channel = 'sms' AND ordered) AS sms_ordered,
    COUNT(*) FILTER (WHERE channel = 'sms' AND (clicked OR ordered)) AS sms_answered,
    COUNT(*) FILTER (WHERE channel = 'push' AND received) AS push_received,
    COUNT(*) FILTER (WHERE channel = 'push' AND opened) AS push_opened,
    COUNT(*) FILTER (WHERE channel = 'push' AND clicked) AS push_clicked,
    COUNT(*) FILTER (WHERE channel = 'push' AND ordered) AS push_ordered,
    COUNT(*) FILTER (WHERE channel = 'push' AND (clicked OR ordered)) AS push_answered,
    COUNT(*) FILTER (WHERE channel = 'social' AND received) AS social_received,
    COUNT(*) FILTER (WHERE channel = 'social' AND opened) AS social_opened,
    COUNT(*) FILTER (WHERE channel = 'social' AND clicked) AS social_clicked,
    COUNT(*) FILTER (WHERE channel = 'social' AND ordered) AS social_ordered,
    COUNT(*) FILTER (WHERE channel = 'social' AND (clicked OR ordered)) AS social_answered,
    COUNT(*) FILTER (WHERE channel = 'phone' AND received) AS phone_received,
    COUNT(*) FILTER (WHERE channel = 'phone' AND opened) AS phone_opened,
    COUNT(*) FILTER (WHERE channel = 'phone' AND clicked) AS phone_clicked,
    COUNT(*) FILTER (WHERE channel = 'phone' AND ordered) AS phone_ordered,
    COUNT(*) FILTER (WHERE channel = 'phone' AND (clicked OR ordered)) AS phone_answered,
    COUNT(*) FILTER (WHERE channel = 'other' AND received) AS other_received,
    COUNT(*) FILTER (WHERE channel = 'other' AND opened) AS other_opened,
    COUNT(*) FILTER (WHERE channel = 'other' AND clicked) AS other_clicked,
    COUNT(*) FILTER (WHERE channel = 'other' AND ordered) AS other_ordered,
    COUNT(*) FILTER (WHERE channel = 'other' AND (clicked OR ordered)) AS other_answered
  FROM outcomes
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  received AS contacts_received,
  received_30d AS contacts_received_30d,
  withheld AS contacts_withheld,
  unsubscribed AS contacts_unsubscribed,
  (answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(received + CAST($prior_weight AS DOUBLE), 0) AS contacts_response_rate,
  CAST(latest AS INTEGER) AS days_since_contact,
  email_received,
  email_opened,
  email_clicked,
  email_ordered,
  (email_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(email_received + CAST($prior_weight AS DOUBLE), 0) AS email_response_rate,
  sms_received,
  sms_opened,
  sms_clicked,
  sms_ordered,
  (sms_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(sms_received + CAST($prior_weight AS DOUBLE), 0) AS sms_response_rate,
  push_received,
  push_opened,
  push_clicked,
  push_ordered,
  (push_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(push_received + CAST($prior_weight AS DOUBLE), 0) AS push_response_rate,
  social_received,
  social_opened,
  social_clicked,
  social_ordered,
  (social_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(social_received + CAST($prior_weight AS DOUBLE), 0) AS social_response_rate,
  phone_received,
  phone_opened,
  phone_clicked,
  phone_ordered,
  (phone_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(phone_received + CAST($prior_weight AS DOUBLE), 0) AS phone_response_rate,
  other_received,
  other_opened,
  other_clicked,
  other_ordered,
  (other_answered + CAST($prior_weight AS DOUBLE) * CAST($prior_rate AS DOUBLE)) / NULLIF(other_received + CAST($prior_weight AS DOUBLE), 0) AS other_response_rate
FROM counts
ORDER BY as_of, user_id
