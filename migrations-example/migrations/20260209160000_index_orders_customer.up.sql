-- The shop stays open while this is built.  PostgreSQL refuses it inside a
-- transaction, so migrate runs it outside of one and remembers how far it got.
CREATE INDEX CONCURRENTLY orders_customer_id_idx ON orders (customer_id, placed_at DESC);
