CREATE VIEW order_totals AS
SELECT o.id AS order_id,
       o.customer_id,
       o.status,
       sum(i.quantity) AS pieces,
       sum(i.quantity * i.price_cents) - o.discount_cents AS total_cents
  FROM orders o
  JOIN order_items i ON i.order_id = o.id
 GROUP BY o.id;
