CREATE TABLE orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    status       order_status NOT NULL DEFAULT 'open',
    placed_at    timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_items (
    order_id     bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    product_id   bigint NOT NULL REFERENCES products,
    quantity     integer NOT NULL CHECK (quantity > 0),
    -- The price of that day: a later change of products.price_cents must not change old orders.
    price_cents  integer NOT NULL CHECK (price_cents >= 0),
    PRIMARY KEY (order_id, product_id)
);

CREATE INDEX order_items_product_id_idx ON order_items (product_id);
