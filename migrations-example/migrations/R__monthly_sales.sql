-- Repeatable: runs again, behind the versioned ones, whenever this file changes.
CREATE OR REPLACE FUNCTION monthly_sales(of_year integer)
RETURNS TABLE (month date, orders bigint, total_cents numeric)
LANGUAGE sql STABLE AS $$
    SELECT date_trunc('month', o.placed_at)::date, count(*), sum(t.total_cents)
      FROM orders o
      JOIN order_totals t ON t.order_id = o.id
     WHERE extract(year FROM o.placed_at) = of_year
       AND t.status <> 'cancelled'
     GROUP BY 1
     ORDER BY 1;
$$;
