-- group: consents
-- entity: user
-- doc: Through which channels a customer may be written to: the latest answer of each channel before as_of, and refused when several of one instant disagree. One row for every customer who was ever asked.
-- needs: consents
-- key: user_id VARCHAR id | The customer.
-- column: consent_email BOOLEAN - | E-mail is permitted; null when never asked.
-- column: consent_sms BOOLEAN - | SMS is permitted; null when never asked.
-- column: consent_push BOOLEAN - | Push messages are permitted; null when never asked.
-- column: consent_social BOOLEAN - | Messages in social media are permitted; null when never asked.
-- column: consent_phone BOOLEAN - | Telephone calls are permitted; null when never asked.
-- column: consents_granted BIGINT channels | Channels of any name that are permitted.
-- column: consents_refused BIGINT channels | Channels of any name that are refused.
WITH latest AS (
  SELECT as_of, user_id, channel, MAX(ts) AS ts
  FROM consents
  GROUP BY as_of, user_id, channel
),
answers AS (
  SELECT c.as_of, c.user_id, c.channel, BOOL_AND(c.granted) AS permitted
  FROM consents c
  JOIN latest l ON l.as_of = c.as_of AND l.user_id = c.user_id AND l.channel = c.channel AND l.ts = c.ts
  GROUP BY c.as_of, c.user_id, c.channel
)
SELECT
  as_of,
  user_id,
  BOOL_AND(permitted) FILTER (WHERE channel = 'email') AS consent_email,
  BOOL_AND(permitted) FILTER (WHERE channel = 'sms') AS consent_sms,
  BOOL_AND(permitted) FILTER (WHERE channel = 'push') AS consent_push,
  BOOL_AND(permitted) FILTER (WHERE channel = 'social') AS consent_social,
  BOOL_AND(permitted) FILTER (WHERE channel = 'phone') AS consent_phone,
  COUNT(*) FILTER (WHERE permitted) AS consents_granted,
  COUNT(*) FILTER (WHERE NOT permitted) AS consents_refused
FROM answers
GROUP BY as_of, user_id
ORDER BY as_of, user_id
