DROP TRIGGER orders_audit ON orders;
DROP FUNCTION audit_order_status();
DROP TABLE order_audit;
