"""The files that are measured: tiny migrations, and big files of INSERTs, COPY data and DDL."""


def schema_change(i):
    """A tiny migration: every fifth adds an index to the table that it makes."""
    text = "CREATE TABLE t{0} (id int PRIMARY KEY, name text NOT NULL);\n".format(i)
    return text + ("CREATE INDEX ON t{0} (name);\n".format(i) if i % 5 == 0 else "")


def data_change(i):
    """The first makes the table; whatever has data may run code of the database."""
    if i == 1:
        return "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL);\n"
    return "INSERT INTO t VALUES ({}, 'a');\n".format(i)


def write_migrations(folder, n, statements_of=schema_change):
    for i in range(1, n + 1):
        (folder / "{:05}_t.up.sql".format(i)).write_text(statements_of(i))


def write_dbmate(folder, n, statements_of=schema_change):
    for i in range(1, n + 1):
        (folder / "{:05}_t.sql".format(i)).write_text(
            "-- migrate:up\n{}\n-- migrate:down\n".format(statements_of(i)))


def write_sql_migrate(folder, n, statements_of=schema_change):
    for i in range(1, n + 1):
        (folder / "{:05}_t.sql".format(i)).write_text("-- +migrate Up\n" + statements_of(i))


# ---- Big files ----------------------------------------------------------------------------------

ORDERS = """\
CREATE TABLE orders (id bigint, customer text, mail text, at timestamptz, total numeric, note text);
"""
NOTE = "as agreed by telephone: to be left with the neighbours if nobody opens"
COPIED = "{0}\tCustomer {0}\tcustomer{0}@example.com\t2024-01-02 03:04:05+00\t{0}.25\t" + \
    NOTE + "\n"
ROW = "({0}, 'Customer {0}', 'customer{0}@example.com', '2024-01-02 03:04:05+00', {0}.25, '" + \
    NOTE + "')"
ROWS_EACH = 1000

DDL = """-- A table of orders, with what belongs to it
CREATE TABLE orders_{0} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'paid', 'sent')),
    total numeric(12, 2) NOT NULL DEFAULT 0, -- in cents
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_{0}_customer_idx ON orders_{0} (customer_id, created_at DESC);
ALTER TABLE orders_{0} ADD COLUMN note text, ADD COLUMN weight numeric(8, 3);
CREATE OR REPLACE FUNCTION touch_{0}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
UPDATE orders_{0} SET total = total * 100 WHERE total < 1000 AND state <> 'sent';

"""

FUNCTION = """\
CREATE OR REPLACE FUNCTION ship_order_{0}(wanted bigint, by_whom text DEFAULT 'nobody')
RETURNS TABLE (order_id bigint, total numeric)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $function$
DECLARE
    found orders_{0}%ROWTYPE;
    n_items int := 0;
BEGIN
    -- Nobody else may ship it meanwhile
    SELECT * INTO found FROM orders_{0} WHERE id = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'order % isn''t there', wanted USING ERRCODE = 'no_data_found';
    ELSIF found.state <> 'paid' THEN
        RAISE NOTICE 'order % is "%"', wanted, found.state;
        RETURN;
    END IF;
    FOR n_items IN SELECT quantity FROM items WHERE items.order_id = wanted LOOP
        EXECUTE format($q$UPDATE stock SET n = n - %s WHERE shop = %L$q$, n_items, by_whom);
    END LOOP;
    UPDATE orders_{0} SET state = 'sent', sent_at = now() WHERE id = wanted;
    RETURN QUERY SELECT found.id, found.total * 1.19;
END
$function$;

"""
COMMENTED = """\
/*
 * Orders of shop {0}.  A row is written when somebody pays, and never deleted:
 * the tax office asks for ten years' worth.  Totals are in the customer's
 * currency; what the shop gets is in "settlements", see its own comments.
 */
CREATE TABLE orders_{0} (
    id bigint PRIMARY KEY,      -- the number that the customer sees
    customer text NOT NULL,     -- as written on the parcel, which isn't always the payer
    total numeric NOT NULL      -- with taxes
);
-- Asked for by the list of a day's orders, which is opened some hundred times an hour;
-- without it that page takes two seconds.
CREATE INDEX ON orders_{0} (customer); -- and no other: writing must stay quick

"""


def write(path, size_mb, first, part, last=""):
    """A file of size_mb: the first text, parts that count up, the last text."""
    with open(path, "w") as file:
        size_bytes, i = file.write(first), 0
        while size_bytes < size_mb * 1000 * 1000:
            size_bytes += file.write(part(i))
            i += 1
        file.write(last)


def write_copy(path, size_mb):
    write(path, size_mb, ORDERS + "COPY orders FROM stdin;\n", COPIED.format, "\\.\n")


def write_inserts(path, size_mb):
    write(path, size_mb, ORDERS, ("INSERT INTO orders VALUES " + ROW + ";\n").format)


def write_long_inserts(path, size_mb):
    write(path, size_mb, ORDERS, lambda i: "INSERT INTO orders VALUES\n{};\n".format(",\n".join(
        ROW.format(i * ROWS_EACH + row) for row in range(ROWS_EACH))))


def write_ddl(path, size_mb):
    write(path, size_mb, "", DDL.format)


def write_functions(path, size_mb):
    write(path, size_mb, "", FUNCTION.format)


def write_comments(path, size_mb):
    write(path, size_mb, "", COMMENTED.format)
