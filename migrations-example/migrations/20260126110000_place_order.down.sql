DROP FUNCTION place_order(bigint, text, integer);
