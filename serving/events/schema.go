package events

import "regulars/data/state"

// format of events.db. History:
//
//	1  events, contacts, links, items, opt-outs, erasures
//	2  of an erasure, which one it is
//	3  of who unsubscribed, when that was told and sent; no opt-outs
//
// Times are microseconds since 1970 UTC, money is in ten-thousandths. seq grows
// with every change and is unique in its table: who has read up to one finds
// what is new behind it. flushed says that the lake has the row.
var format = state.Format{Name: "event log", ApplicationID: 0x52474556, Large: true, Migrations: []string{`
	CREATE TABLE events (
		seq               INTEGER PRIMARY KEY AUTOINCREMENT,
		event_id          TEXT NOT NULL UNIQUE,
		user_id           TEXT,
		session_id        TEXT,
		item_id           TEXT,
		ts                INTEGER NOT NULL,
		type              TEXT NOT NULL,
		channel           TEXT,
		value             REAL,
		recommendation_id TEXT,
		placement         TEXT,
		position          INTEGER,
		order_id          TEXT,
		host_id           TEXT,
		live_id           TEXT,
		line_number       INTEGER,
		quantity          INTEGER,
		unit_price        INTEGER,
		is_return         INTEGER,
		discount          INTEGER,
		currency          TEXT,
		store             TEXT,
		received          INTEGER NOT NULL,
		flushed           INTEGER NOT NULL DEFAULT 0,
		-- 0: an order line that the lake is still to get
		ordered           INTEGER NOT NULL DEFAULT 1
	) STRICT;
	CREATE INDEX events_unflushed ON events (seq) WHERE flushed = 0;
	CREATE INDEX events_unordered ON events (seq) WHERE ordered = 0;
	CREATE INDEX events_by_order ON events (order_id, line_number) WHERE line_number IS NOT NULL;

	CREATE TABLE contacts (
		contact_id      TEXT PRIMARY KEY,
		campaign_id     TEXT NOT NULL,
		user_id         TEXT NOT NULL,
		ts              INTEGER NOT NULL,
		channel         TEXT NOT NULL,
		arm             TEXT NOT NULL,
		propensity      REAL,
		offer           TEXT,
		cost            INTEGER,
		delivered_at    INTEGER,
		bounced_at      INTEGER,
		opened_at       INTEGER,
		clicked_at      INTEGER,
		unsubscribed_at INTEGER,
		received        INTEGER NOT NULL,
		flushed         INTEGER NOT NULL DEFAULT 0
	) STRICT;
	CREATE INDEX contacts_unflushed ON contacts (ts) WHERE flushed = 0;

	-- A session is an alias of source 'session', which stays out of the lake.
	CREATE TABLE links (
		seq      INTEGER PRIMARY KEY AUTOINCREMENT,
		source   TEXT NOT NULL,
		alias    TEXT NOT NULL,
		user_id  TEXT NOT NULL,
		ts       INTEGER NOT NULL,
		received INTEGER NOT NULL,
		flushed  INTEGER NOT NULL DEFAULT 0,
		UNIQUE (source, alias)
	) STRICT;
	CREATE INDEX links_unflushed ON links (seq) WHERE flushed = 0 AND source <> 'session';

	-- The latest word on each item, field by field. flushed_seq and flushed_at
	-- are the seq and the valid_from of what the lake has of it.
	CREATE TABLE items (
		item_id           TEXT PRIMARY KEY,
		seq               INTEGER NOT NULL UNIQUE,
		in_stock          INTEGER,
		in_stock_at       INTEGER,
		price             INTEGER,
		price_at          INTEGER,
		available_from    INTEGER,
		available_from_at INTEGER,
		flushed_seq       INTEGER NOT NULL DEFAULT 0,
		flushed_at        INTEGER NOT NULL DEFAULT 0
	) STRICT;

	CREATE TABLE opt_outs (
		seq     INTEGER PRIMARY KEY AUTOINCREMENT,
		user_id TEXT NOT NULL UNIQUE,
		out     INTEGER NOT NULL,
		ts      INTEGER NOT NULL
	) STRICT;

	-- Of those who asked to be forgotten only the SHA-256 of their id is known.
	CREATE TABLE erased (
		seq  INTEGER PRIMARY KEY AUTOINCREMENT,
		hash BLOB NOT NULL UNIQUE,
		ts   INTEGER NOT NULL
	) STRICT;`, `
	ALTER TABLE erased RENAME TO erased_before;
	-- Of customers and of their sessions.
	CREATE TABLE erased (
		seq     INTEGER PRIMARY KEY AUTOINCREMENT,
		hash    BLOB NOT NULL,
		erasure TEXT NOT NULL,
		ts      INTEGER NOT NULL,
		UNIQUE (hash, erasure)
	) STRICT;
	INSERT INTO erased (hash, erasure, ts) SELECT hash, '', ts FROM erased_before;
	DROP TABLE erased_before;`, `
	-- Who refuses personalisation is recorded elsewhere, once for all.
	DROP TABLE opt_outs;
	-- When it was told that they unsubscribed: it may have been long after.
	ALTER TABLE contacts ADD COLUMN unsubscribed_told INTEGER;
	-- Whether the lake has it as a refusal of the channel.
	ALTER TABLE contacts ADD COLUMN refusal_flushed INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX contacts_unsubscribed ON contacts (refusal_flushed) WHERE unsubscribed_at IS NOT NULL;`,
}}
