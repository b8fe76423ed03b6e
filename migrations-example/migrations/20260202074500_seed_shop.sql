-- Both directions in one file: the other layout that migrate reads.
-- migrate:up
INSERT INTO products (sku, name, price_cents, stock) VALUES
    ('MUG-0001', 'Mug; white, 300 ml', 1290, 120),
    ('MUG-0002', 'Mug; "cool mud" glaze', 1890, 40),
    ('BAG-0001', 'Tote bag', 1500, 75),
    ('PEN-0001', 'Fountain pen', 4900, 12);

INSERT INTO customers (email, full_name) VALUES
    ('ada@example.com', 'Ada Lovelace'),
    ('grace@example.com', 'Grace O''Hopper');

SELECT place_order(c.id, 'MUG-0001', 2) FROM customers c WHERE c.email = 'ada@example.com';
SELECT place_order(c.id, 'PEN-0001', 1) FROM customers c WHERE c.email = 'grace@example.com';

-- migrate:down
DELETE FROM orders
 USING customers c
 WHERE c.id = customer_id AND c.email IN ('ada@example.com', 'grace@example.com');
DELETE FROM customers WHERE email IN ('ada@example.com', 'grace@example.com');
DELETE FROM products WHERE sku IN ('MUG-0001', 'MUG-0002', 'BAG-0001', 'PEN-0001');
