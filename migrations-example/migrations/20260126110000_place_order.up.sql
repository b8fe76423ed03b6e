-- Order one product: takes it from the stock, or fails and changes nothing.
CREATE FUNCTION place_order(customer bigint, wanted_sku text, wanted integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    product    products;
    new_order  bigint;
BEGIN
    UPDATE products SET stock = stock - wanted
     WHERE sku = wanted_sku AND is_listed AND stock >= wanted
    RETURNING * INTO product;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'product "%" is not in stock', wanted_sku
            USING HINT = 'Order less; or restock it first.';
    END IF;

    INSERT INTO orders (customer_id) VALUES (customer) RETURNING id INTO new_order;
    INSERT INTO order_items (order_id, product_id, quantity, price_cents)
    VALUES (new_order, product.id, wanted, product.price_cents);
    RETURN new_order;
END;
$$;
